// The mark of pictures that a model made: its bytes in each format, and what is found in files of others.
#include "image/provenance.h"

#include <gtest/gtest.h>

#include <span>
#include <vector>

#include "core/error.h"
#include "image/image_file.h"

namespace sd35 {
namespace {

const Image kDot{1, 1, {10, 20, 30}};

const std::string kPacket =
    "<?xpacket begin=\"\xef\xbb\xbf\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?><x:xmpmeta xmlns:x=\"adobe:ns:meta/\">"
    "<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\n"
    "<rdf:Description rdf:about=\"\" xmlns:Iptc4xmpExt=\"http://iptc.org/std/Iptc4xmpExt/2008-02-29/\" "
    "xmlns:xmp=\"http://ns.adobe.com/xap/1.0/\"\n"
    " Iptc4xmpExt:DigitalSourceType=\"http://cv.iptc.org/newscodes/digitalsourcetype/"
    "trainedAlgorithmicMedia\" xmp:CreatorTool=\"sd35\"/></rdf:RDF></x:xmpmeta><?xpacket end=\"w\"?>";

std::string encoded(ImageFormat format, const Metadata& metadata) {
  const std::vector<std::uint8_t> bytes = encode_image(kDot, format, metadata);
  return {bytes.begin(), bytes.end()};
}

Metadata marked(std::string_view term = kMadeByAModel) { return {"", "", std::string(term)}; }

std::string mark_of(const std::string& file) {
  return read_metadata(std::as_bytes(std::span(file)), "a picture").digital_source_type;
}

std::size_t place_of(const std::string& part, const std::string& file) {
  const std::size_t at = file.find(part);
  EXPECT_NE(at, file.npos) << part;
  return at;
}

TEST(Provenance, PacketIsTheSameBytesEachTime) {
  EXPECT_EQ(xmp_packet(kMadeByAModel), kPacket);
  EXPECT_EQ(digital_source_type_in(kPacket), kMadeByAModel);
}

TEST(Provenance, OfPng) {
  const std::string file = encoded(ImageFormat::png, {"a cat", "{}", std::string(kMadeByAModel)});
  const std::string chunk =
      std::string("\x00\x00\x01\xe1iTXtXML:com.adobe.xmp\0\0\0\0\0", 30) + kPacket + "\xb8\x34\x36\x60";
  EXPECT_LT(place_of(chunk, file), place_of("IDAT", file));
  EXPECT_EQ(file, encoded(ImageFormat::png, {"a cat", "{}", std::string(kMadeByAModel)}));
}

TEST(Provenance, OfJpeg) {
  const std::string file = encoded(ImageFormat::jpeg, {"a cat", "{}", std::string(kMadeByAModel)});
  const std::string segment = std::string(
                                  "\xff\xe1\x01\xea"
                                  "http://ns.adobe.com/xap/1.0/\0",
                                  33) +
                              kPacket;
  EXPECT_GT(place_of(segment, file), place_of(std::string("Exif\0\0", 6), file));
  EXPECT_LT(place_of(segment, file), place_of("\xff\xc0", file));
  // Where the text is too long for Exif, and where nothing else is said.
  EXPECT_EQ(mark_of(encoded(ImageFormat::jpeg, {std::string(40'000, 'a'), "", "algorithmicallyEnhanced"})),
            kEnhancedByAModel);
  EXPECT_EQ(mark_of(encoded(ImageFormat::jpeg, marked())), kMadeByAModel);
}

TEST(Provenance, OfWebp) {
  const std::string file = encoded(ImageFormat::webp, {"a cat", "{}", std::string(kMadeByAModel)});
  // An odd number of bytes is padded; the flags of XMP and Exif are 4 and 8.
  EXPECT_TRUE(file.ends_with(std::string("XMP \xcb\x01\x00\x00", 8) + kPacket + '\0'));
  EXPECT_EQ(file.substr(12, 9), std::string("VP8X\x0a\0\0\0\x0c", 9));
  EXPECT_LT(place_of("EXIF", file), place_of("XMP ", file));
  EXPECT_EQ(encoded(ImageFormat::webp, marked()).substr(12, 9), std::string("VP8X\x0a\0\0\0\x04", 9));
}

TEST(Provenance, SurvivesEveryFormat) {
  for (const ImageFormat format : {ImageFormat::png, ImageFormat::jpeg, ImageFormat::webp}) {
    const std::string unmarked = encoded(format, {"a cat", "{}"});
    EXPECT_EQ(unmarked.find("xpacket"), unmarked.npos);
    EXPECT_EQ(mark_of(unmarked), "");
    for (const std::string_view term : {kMadeByAModel, kMadeWithAModel, kEnhancedByAModel}) {
      const std::string file = encoded(format, {"a cat", "{}", std::string(term)});
      EXPECT_EQ(read_metadata(std::as_bytes(std::span(file)), ""),
                (Metadata{"a cat", "{}", std::string(term)}));
      EXPECT_EQ(mark_of(encoded(format, marked(term))), term);
    }
    for (const std::string& wrong : {std::string("a\"/>"), std::string("a b"), std::string(65, 'a')})
      EXPECT_THROW(encoded(format, marked(wrong)), ArgumentError) << wrong;
  }
}

TEST(Provenance, WhatADrawnPictureIs) {
  using Inputs = std::vector<std::string>;
  const auto of = [](const Inputs& inputs) { return digital_source_type_of_drawn(inputs); };
  EXPECT_EQ(of({}), kMadeByAModel);
  EXPECT_EQ(of({""}), kMadeWithAModel);
  EXPECT_EQ(of({"digitalCapture", "algorithmicallyEnhanced"}), kMadeWithAModel);
  EXPECT_EQ(of({"", "trainedAlgorithmicMedia", ""}), kMadeByAModel);
}

TEST(Provenance, PacketsOfOthers) {
  const std::string vocabulary = "cv.iptc.org/newscodes/digitalsourcetype/";
  const auto in = [](const std::string& xmp) { return digital_source_type_in(xmp); };
  EXPECT_EQ(in("<a:DigitalSourceType>https://" + vocabulary + "digitalCapture</a:DigitalSourceType>"),
            "digitalCapture");
  EXPECT_EQ(in("<a rdf:resource='http://" + vocabulary + "algorithmicMedia'/><b c='http://" + vocabulary +
               "compositeWithTrainedAlgorithmicMedia'/><d>http://" + vocabulary + "digitalCapture</d>"),
            kMadeWithAModel);
  EXPECT_EQ(in(""), "");
  EXPECT_EQ(in("http://" + vocabulary), "");
  EXPECT_EQ(in("http://" + vocabulary + "\"trainedAlgorithmicMedia"), "");
  EXPECT_EQ(in("http://" + vocabulary + std::string(1'000'000, 'a')), "");
  EXPECT_EQ(in("http://" + vocabulary + std::string("a\0b", 3)), "a");
  std::string many;
  for (int i = 0; i < 100'000; ++i) many += "://" + vocabulary;
  EXPECT_EQ(in(many + "trainedAlgorithmicMedia"), kMadeByAModel);
}

TEST(Provenance, DamagedPacketsAreNoMark) {
  const auto with = [](const std::string& file, const std::string& before, const std::string& after) {
    std::string changed = file;
    return changed.replace(place_of(before, file), before.size(), after);
  };
  const std::string jpeg = encoded(ImageFormat::jpeg, marked()), webp = encoded(ImageFormat::webp, marked());
  EXPECT_EQ(mark_of(with(jpeg, "xap/1.0", "xap/1.1")), "");
  EXPECT_EQ(mark_of(with(jpeg, "trainedAlgo", "trained Alg")), "trained");
  EXPECT_THROW(mark_of(with(webp, "XMP ", "XMPX")), FileError);  // whose header says that there is one
  EXPECT_THROW(mark_of(with(webp, std::string("XMP \xcb\x01\0\0", 8), "XMP \xff\xff\xff\x7f")), FileError);
  for (const std::string& file : {jpeg, webp, encoded(ImageFormat::png, marked())})
    for (std::size_t length = 0; length < file.size(); length += 7) {
      try {
        EXPECT_TRUE(mark_of(file.substr(0, length)).size() <= 64);
      } catch (const FileError& error) {
        EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
      }
    }
}

}  // namespace
}  // namespace sd35
