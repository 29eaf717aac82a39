#include "image/metadata.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "image/exif.h"
#include "image/image_file.h"
#include "image/unicode.h"
#include "tests/support/file_bytes.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/image/goldens.h"

namespace sd35 {
namespace {

const Image kSmall{2, 1, {1, 2, 3, 4, 5, 6}};

TEST(ParametersText, IsWhatTheWebUiWrites) {
  GenerationSettings settings{.prompt = "a cat,\nsitting",
                              .negative_prompt = "dog: \"bad\"",
                              .steps = 40,
                              .sampler = "Euler",
                              .guidance_scale = 4.5f,
                              .seed = 18446744073709551615u,
                              .width = 512,
                              .height = 768,
                              .model = "sd3.5_medium",
                              .extra = {{"Shift", "3"}, {"Note", "a, \"b\": \\\n"}}};
  EXPECT_EQ(parameters_text(settings),
            "a cat,\nsitting\n"
            "Negative prompt: dog: \"bad\"\n"
            "Steps: 40, Sampler: Euler, CFG scale: 4.5, Seed: 18446744073709551615, Size: 512x768, "
            "Model: sd3.5_medium, Shift: 3, Note: \"a, \\\"b\\\": \\\\\\n\"");
  settings.negative_prompt.clear();
  settings.guidance_scale = 7;
  EXPECT_TRUE(parameters_text(settings).starts_with(
      "a cat,\nsitting\nSteps: 40, Sampler: Euler, CFG scale: 7, Seed"));
}

std::string long_text(const std::string& unit, std::size_t bytes) {
  std::string text;
  while (text.size() < bytes) text += unit;
  return text;
}

class MetadataFile : public testing::TestWithParam<const char*> {};

TEST_P(MetadataFile, RoundTrip) {
  const TemporaryFolder folder;
  const std::string emoji = "a cat \U0001F431 caf\u00e9 \u732b\nsecond line\n\nNegative prompt: \u00fc";
  const Metadata cases[] = {
      {},
      {"plain", ""},
      {"", "{}"},
      {"caf\u00e9\nline", "{\"prompt\":\"caf\u00e9\"}"},
      {emoji, "{\"prompt\":\"\U0001F431\\n\"}"},
      {long_text("100 KB of text, ", 100'000), long_text("{\"a\":1}\n", 100'000)},
      {long_text(emoji, 100'000), long_text(emoji, 100'000)},
  };
  for (const Metadata& metadata : cases) {
    write_image(folder / GetParam(), kSmall, metadata);
    const Metadata stored = read_metadata(folder / GetParam());
    EXPECT_TRUE(stored == metadata) << metadata.parameters.substr(0, 40);
    EXPECT_EQ(read_image(folder / GetParam()).width, 2);
  }
}

TEST_P(MetadataFile, AroundTheLengthsOfJpegSegments) {
  const TemporaryFolder folder;
  // A comment holds 65533 bytes with its prefix, Exif 32,000-odd UTF-16 units; cutting must not hurt a
  // character.
  for (const std::size_t length : {32'700u, 32'710u, 32'720u, 32'730u, 32'740u, 32'750u, 32'760u, 32'770u}) {
    const Metadata metadata{std::string(length, 'p'), ""};
    write_image(folder / GetParam(), kSmall, metadata);
    EXPECT_TRUE(read_metadata(folder / GetParam()) == metadata) << length;
  }
  for (std::size_t length = 65'520; length < 65'540; ++length) {
    const Metadata metadata{"", std::string(length, 'j') + "\u732b"};
    write_image(folder / GetParam(), kSmall, metadata);
    EXPECT_TRUE(read_metadata(folder / GetParam()) == metadata) << length;
  }
}

TEST_P(MetadataFile, MalformedTextIsReplaced) {
  const TemporaryFolder folder;
  write_image(folder / GetParam(), kSmall, {std::string("a\0b\xff", 4), "\xe7\x8c"});
  const Metadata stored = read_metadata(folder / GetParam());
  EXPECT_EQ(stored.parameters, "a\ufffdb\ufffd");
  EXPECT_EQ(stored.settings_json, "\ufffd\ufffd");
}

INSTANTIATE_TEST_SUITE_P(Formats, MetadataFile, testing::Values("a.png", "a.jpg", "a.webp"));

TEST(Metadata, OfOtherPrograms) {
  const std::string expected = file_bytes(kGolden + "parameters.txt");
  for (const char* name : {"parameters.png", "parameters_big.jpg", "parameters_little.jpg",
                           "parameters_big.webp", "parameters_little.webp"})
    EXPECT_EQ(read_metadata(kGolden + name), (Metadata{expected, ""})) << name;
  EXPECT_EQ(read_metadata(kGolden + "rgb.png"), Metadata{});
}

TEST(Metadata, PngChunkKinds) {
  const TemporaryFolder folder;
  write_image(folder / "a.png", kSmall, {"caf\u00e9", "\u732b"});
  const std::string bytes = file_bytes(folder / "a.png");
  EXPECT_NE(bytes.find(std::string("tEXtparameters\0caf\xe9", 19)), std::string::npos);
  EXPECT_NE(bytes.find(std::string("iTXtsd35\0\0\0\0\0\xe7\x8c\xab", 16)), std::string::npos);
}

// Each may unpack to megabytes.
TEST(Metadata, OfManyTextsInAPngTheFirstAreRead) {
  const TemporaryFolder folder;
  write_image(folder / "a.png", kSmall, {"caf", ""});
  const std::string bytes = file_bytes(folder / "a.png");
  const std::string ours("\0\0\0\x0etEXtparameters\0caf", 22), other("\0\0\0\x02tEXta\0\x90\xc5\x84j", 14);
  const std::size_t place = bytes.find(ours);
  ASSERT_NE(place, std::string::npos);
  const auto parameters_with = [&](std::size_t texts, std::size_t where) {
    std::string file = bytes;
    for (std::size_t i = 0; i < texts; ++i) file.insert(where, other);
    std::ofstream(folder / "b.png", std::ios::binary) << file;
    return read_metadata(folder / "b.png").parameters;
  };
  EXPECT_EQ(parameters_with(2000, place + ours.size() + 4), "caf");
  EXPECT_EQ(parameters_with(20, place), "caf");
  EXPECT_EQ(parameters_with(2000, place), "");
}

TEST(Exif, DamagedBlocksAreHarmless) {
  const std::vector<std::uint8_t> block = build_exif("description", "comment");
  EXPECT_EQ(parse_exif(block).description, "description");
  EXPECT_EQ(parse_exif(block).comment, "comment");
  for (std::size_t length = 0; length < block.size(); ++length) {
    const std::vector<std::uint8_t> cut(block.begin(), block.begin() + static_cast<std::ptrdiff_t>(length));
    EXPECT_TRUE(parse_exif(cut).comment.empty()) << length;
  }
  for (std::size_t i = 0; i < block.size(); ++i)
    for (int bit = 0; bit < 8; ++bit) {
      std::vector<std::uint8_t> damaged = block;
      damaged[i] ^= static_cast<std::uint8_t>(1 << bit);
      const int orientation = parse_exif(damaged).orientation;
      EXPECT_TRUE(orientation >= 1 && orientation <= 8);
    }
}

// Entries may share their bytes, so that a small file holds gigabytes of text.
TEST(Exif, OneOfManyTextsIsDecoded) {
  constexpr std::size_t entries = 60'000, start = 8 + 2 + 12 * entries, bytes = 8 << 20;
  std::string block = std::string("MM\0\x2a\0\0\0\x08", 8) + '\xea' + '\x60';
  const auto number = [](std::size_t value) {
    std::string text;
    for (int shift = 24; shift >= 0; shift -= 8) text += static_cast<char>(value >> shift);
    return text;
  };
  for (std::size_t i = 0; i < entries; ++i)
    block += std::string("\x01\x0e\0\x02", 4) + number(bytes) + number(start);
  block += std::string(bytes, 'a');
  const Exif exif = parse_exif({reinterpret_cast<const std::uint8_t*>(block.data()), block.size()});
  EXPECT_EQ(exif.description.size(), bytes);
}

TEST(Unicode, Conversions) {
  const std::string text = "a\u00e9\u732b\U0001F431";
  EXPECT_EQ(utf16_from_utf8(text), u"a\u00e9\u732b\U0001F431");
  EXPECT_EQ(utf8_from_utf16(u"a\u00e9\u732b\U0001F431"), text);
  EXPECT_EQ(latin1_from_utf8("a\u00e9"), "a\xe9");
  EXPECT_EQ(latin1_from_utf8(text), std::nullopt);
  EXPECT_EQ(utf8_from_latin1("a\xe9"), "a\u00e9");
}

TEST(Unicode, MalformedInputIsReplaced) {
  EXPECT_EQ(clean_utf8("\xc0\xaf"), "\ufffd\ufffd") << "overlong";
  EXPECT_EQ(clean_utf8("\xed\xa0\x80"), "\ufffd\ufffd\ufffd") << "surrogate";
  EXPECT_EQ(clean_utf8("\xf4\x90\x80\x80"), "\ufffd\ufffd\ufffd\ufffd") << "beyond U+10FFFF";
  EXPECT_EQ(clean_utf8("\xe7\x8c\x41"), "\ufffd\ufffdA") << "cut short";
  EXPECT_EQ(clean_utf8("\xf8\x80"), "\ufffd\ufffd");
  const std::u16string lone = {u'a', 0xD83D, u'b', 0xDC31, 0xD83D};
  EXPECT_EQ(utf8_from_utf16(lone), "a\ufffdb\ufffd\ufffd");
}

}  // namespace
}  // namespace sd35
