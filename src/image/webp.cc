#include <webp/decode.h>
#include <webp/encode.h>
#include <webp/mux.h>

#include <algorithm>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "image/codec.h"
#include "image/exif.h"
#include "image/provenance.h"

namespace sd35 {
namespace {

constexpr std::size_t kHeaderBytes = 12;  // "RIFF", size of what follows, "WEBP"
constexpr const char* kExifChunk = "EXIF";
constexpr const char* kXmpChunk = "XMP ";

struct Picture : WebPPicture {
  Picture() {
    if (WebPPictureInit(this) == 0) throw Error("WebP: the library does not fit its header");
  }
  ~Picture() { WebPPictureFree(this); }
  Picture(const Picture&) = delete;
  Picture& operator=(const Picture&) = delete;
};

struct Memory : WebPMemoryWriter {
  Memory() { WebPMemoryWriterInit(this); }
  ~Memory() { WebPMemoryWriterClear(this); }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
};

struct Assembled : WebPData {
  Assembled() { WebPDataInit(this); }
  ~Assembled() { WebPDataClear(this); }
  Assembled(const Assembled&) = delete;
  Assembled& operator=(const Assembled&) = delete;
};

using Mux = std::unique_ptr<WebPMux, void (*)(WebPMux*)>;

// An empty chunk is left out.
std::vector<std::uint8_t> with_chunks(Bytes picture, const std::vector<std::uint8_t>& exif,
                                      std::string_view xmp) {
  const Mux mux(WebPMuxNew(), WebPMuxDelete);
  const auto set = [&](const char* name, const void* bytes, std::size_t size) {
    const WebPData data{static_cast<const std::uint8_t*>(bytes), size};
    return size == 0 || WebPMuxSetChunk(mux.get(), name, &data, 0) == WEBP_MUX_OK;
  };
  const WebPData picture_data{picture.data(), picture.size()};
  Assembled assembled;
  if (mux == nullptr || WebPMuxSetImage(mux.get(), &picture_data, 0) != WEBP_MUX_OK ||
      !set(kExifChunk, exif.data(), exif.size()) || !set(kXmpChunk, xmp.data(), xmp.size()) ||
      WebPMuxAssemble(mux.get(), &assembled) != WEBP_MUX_OK)
    throw Error("WebP: cannot add the metadata");
  return {assembled.bytes, assembled.bytes + assembled.size};
}

// The container says how long it is; libwebp would decode a shorter file as far as it goes.
void check_complete(Bytes start, std::uint64_t file_size) {
  std::uint64_t size = 8;
  for (int i = 0; i < 4; ++i) size += std::uint64_t{start[4 + i]} << (8 * i);
  if (size > file_size) throw FileError("WebP: the file is truncated");
}

void check_still(const WebPBitstreamFeatures& features) {
  if (features.has_animation != 0) throw FileError("WebP: it is an animation; use a still image");
}

// Refuses sizes that must not be decoded: a flat picture of any size takes a few dozen bytes.
std::pair<int, int> size_to_decode(Bytes file) {
  check_complete(file, file.size());
  WebPBitstreamFeatures features;
  if (WebPGetFeatures(file.data(), file.size(), &features) != VP8_STATUS_OK)
    throw FileError("WebP: the file is corrupt");
  check_still(features);
  check_stored_size(static_cast<std::uint64_t>(features.width), static_cast<std::uint64_t>(features.height));
  return {features.width, features.height};
}

std::size_t bytes_for(int width, int height, std::size_t channels) {
  return channels * static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
}

// The extended header says whether there is an Exif chunk, which comes after the pixels.
bool has_exif(Bytes start) {
  constexpr std::size_t kFlags = 20;
  constexpr std::uint8_t kExifFlag = 0x08;
  return start.size() > kFlags &&
         std::ranges::equal(start.subspan(kHeaderBytes, 4), std::string_view("VP8X")) &&
         (start[kFlags] & kExifFlag) != 0;
}

// The chunks of a file, which must outlive it.
Mux opened(Bytes file) {
  const WebPData data{file.data(), file.size()};
  Mux mux(WebPMuxCreate(&data, 0), WebPMuxDelete);
  if (mux == nullptr) throw FileError("WebP: the file is corrupt");
  return mux;
}

// Empty where there is none.
Bytes chunk_of(const Mux& mux, const char* name) {
  WebPData chunk{};
  if (WebPMuxGetChunk(mux.get(), name, &chunk) != WEBP_MUX_OK) return {};
  return {chunk.bytes, chunk.size};
}

int orientation_of(Bytes file) {
  const Mux mux = opened(file);
  return parse_exif(chunk_of(mux, kExifChunk)).orientation;
}

}  // namespace

bool is_webp(Bytes file) {
  const auto tag = [&](std::size_t at, std::string_view name) {
    return std::ranges::equal(file.subspan(at, 4), name);
  };
  return file.size() >= kHeaderBytes && tag(0, "RIFF") && tag(8, "WEBP");
}

std::vector<std::uint8_t> encode_webp(const Image& image, const Metadata& metadata, int quality,
                                      bool lossless) {
  WebPConfig config;
  if (WebPConfigInit(&config) == 0) throw Error("WebP: the library does not fit its header");
  config.quality = static_cast<float>(lossless ? 75 : quality);  // lossless: effort
  config.lossless = lossless ? 1 : 0;
  Memory memory;
  Picture picture;
  picture.use_argb = config.lossless;
  picture.width = image.width;
  picture.height = image.height;
  picture.writer = WebPMemoryWrite;
  picture.custom_ptr = &memory;
  if (WebPPictureImportRGB(&picture, image.rgb.data(), 3 * image.width) == 0) throw std::bad_alloc();
  if (WebPEncode(&config, &picture) == 0)
    throw Error("WebP: encoding failed with code " + std::to_string(picture.error_code));
  const Bytes encoded(memory.mem, memory.size);
  if (metadata == Metadata{}) return {encoded.begin(), encoded.end()};
  std::vector<std::uint8_t> exif;
  if (!metadata.settings_json.empty() || !metadata.parameters.empty())
    exif = build_exif(metadata.settings_json, metadata.parameters);
  return with_chunks(
      encoded, exif,
      metadata.digital_source_type.empty() ? std::string() : xmp_packet(metadata.digital_source_type));
}

StoredImage decode_webp(Bytes file) {
  const auto [width, height] = size_to_decode(file);
  StoredImage stored{{width, height, std::vector<std::uint8_t>(bytes_for(width, height, 3))}, 1};
  std::vector<std::uint8_t>& rgb = stored.image.rgb;
  if (WebPDecodeRGBInto(file.data(), file.size(), rgb.data(), rgb.size(), 3 * width) == nullptr)
    throw FileError("WebP: the file is corrupt");
  stored.orientation = orientation_of(file);
  return stored;
}

StoredTransparentImage decode_transparent_webp(Bytes file) {
  const auto [width, height] = size_to_decode(file);
  StoredTransparentImage stored{{width, height, std::vector<std::uint8_t>(bytes_for(width, height, 4))}, 1};
  std::vector<std::uint8_t>& rgba = stored.image.rgba;
  if (WebPDecodeRGBAInto(file.data(), file.size(), rgba.data(), rgba.size(), 4 * width) == nullptr)
    throw FileError("WebP: the file is corrupt");
  stored.orientation = orientation_of(file);
  return stored;
}

Metadata webp_metadata(Bytes file) {
  check_complete(file, file.size());
  const Mux mux = opened(file);
  Exif exif = parse_exif(chunk_of(mux, kExifChunk));
  const Bytes xmp = chunk_of(mux, kXmpChunk);
  return {std::move(exif.comment), std::move(exif.description),
          digital_source_type_in({reinterpret_cast<const char*>(xmp.data()), xmp.size()})};
}

std::optional<StoredSize> webp_size(Bytes start, std::uint64_t file_size) {
  check_complete(start, file_size);
  WebPBitstreamFeatures features;
  const VP8StatusCode status = WebPGetFeatures(start.data(), start.size(), &features);
  if (start.size() < file_size && (status == VP8_STATUS_NOT_ENOUGH_DATA || has_exif(start)))
    return std::nullopt;
  if (status != VP8_STATUS_OK) throw FileError("WebP: the file is corrupt");
  check_still(features);
  return StoredSize{static_cast<std::uint64_t>(features.width), static_cast<std::uint64_t>(features.height),
                    has_exif(start) ? orientation_of(start) : 1};
}

}  // namespace sd35
