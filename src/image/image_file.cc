#include "image/image_file.h"

#include <algorithm>
#include <optional>
#include <string>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/file_reader.h"
#include "core/messages.h"
#include "image/codec.h"
#include "image/provenance.h"
#include "image/resize.h"
#include "image/unicode.h"

namespace sd35 {
namespace {

constexpr std::uint64_t kMaxPixels = std::uint64_t{1} << 28;
constexpr std::uint64_t kMaxFileBytes = std::uint64_t{1} << 30;

Bytes bytes_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
}

// Turns a picture whose sides are `width` and `height` as stored, and swaps them where it is transposed.
// Exif: 1 as stored; 2 to 4 mirrored, turned by 180 degrees, flipped; 5 to 8 the same of the transposed
// picture.
void orient(int orientation, std::ptrdiff_t channels, int& width, int& height,
            std::vector<std::uint8_t>& pixels) {
  if (orientation == 1) return;
  const bool transposed = orientation >= 5;
  const bool from_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool from_bottom = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  const int stored_width = width, stored_height = height;
  if (transposed) std::swap(width, height);
  std::vector<std::uint8_t> shown(pixels.size());
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      const int across = transposed ? y : x;
      const int down = transposed ? x : y;
      const int stored_x = from_right ? stored_width - 1 - across : across;
      const int stored_y = from_bottom ? stored_height - 1 - down : down;
      std::copy_n(pixels.begin() + (std::ptrdiff_t{stored_y} * stored_width + stored_x) * channels, channels,
                  shown.begin() + (std::ptrdiff_t{y} * width + x) * channels);
    }
  pixels = std::move(shown);
}

Image oriented(StoredImage stored) {
  orient(stored.orientation, 3, stored.image.width, stored.image.height, stored.image.rgb);
  return std::move(stored.image);
}

TransparentImage oriented(StoredTransparentImage stored) {
  orient(stored.orientation, 4, stored.image.width, stored.image.height, stored.image.rgba);
  return std::move(stored.image);
}

StoredTransparentImage opaque(const StoredImage& stored) {
  StoredTransparentImage result{{stored.image.width, stored.image.height, {}}, stored.orientation};
  const std::vector<std::uint8_t>& rgb = stored.image.rgb;
  result.image.rgba.reserve(rgb.size() / 3 * 4);
  for (std::size_t i = 0; i < rgb.size(); i += 3) {
    result.image.rgba.insert(result.image.rgba.end(), rgb.begin() + static_cast<std::ptrdiff_t>(i),
                             rgb.begin() + static_cast<std::ptrdiff_t>(i) + 3);
    result.image.rgba.push_back(255);
  }
  return result;
}

std::vector<std::uint8_t> encode(const Image& image, ImageFormat format, const Metadata& metadata,
                                 const ImageFileOptions& options) {
  switch (format) {
    case ImageFormat::png:
      return encode_png(image, metadata);
    case ImageFormat::jpeg:
      return encode_jpeg(image, metadata, options.quality);
    case ImageFormat::webp:
      break;
  }
  return encode_webp(image, metadata, options.quality, options.lossless);
}

std::optional<ImageFormat> known_format(std::string name) {
  for (char& c : name)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  if (name == "png") return ImageFormat::png;
  if (name == "jpg" || name == "jpeg") return ImageFormat::jpeg;
  if (name == "webp") return ImageFormat::webp;
  return std::nullopt;
}

}  // namespace

void check_stored_size(std::uint64_t width, std::uint64_t height, std::uint64_t possible_pixels) {
  const std::string size = std::to_string(width) + "x" + std::to_string(height);
  if (width == 0 || height == 0) throw FileError("it has no pixels (" + size + ")");
  if (width > kMaxImageSide || height > kMaxImageSide)
    throw FileError("it has " + size + " pixels; a side may have " + std::to_string(kMaxImageSide));
  if (width * height > kMaxPixels)
    throw FileError("it has " + size + " pixels; at most " + std::to_string(kMaxPixels) + " are read");
  if (width * height > possible_pixels)
    throw FileError("it is corrupt: too short for its " + size + " pixels");
}

ImageFormat image_format_from_name(const std::string& name) {
  const std::optional<ImageFormat> format = known_format(name);
  if (!format)
    throw ArgumentError("unknown image format " + in_quotes(name) + "; known: png, jpg, jpeg, webp");
  return *format;
}

ImageFormat image_format_of(const std::filesystem::path& path) {
  const std::string extension = path.extension().string();
  const std::optional<ImageFormat> format =
      extension.empty() ? std::nullopt : known_format(extension.substr(1));
  if (format) return *format;
  throw ArgumentError("unknown image extension " + in_quotes(extension) + " of " + in_quotes(path.string()) +
                      "; known: .png, .jpg, .jpeg, .webp");
}

std::vector<std::uint8_t> encode_image(const Image& image, ImageFormat format, const Metadata& metadata,
                                       const ImageFileOptions& options) {
  check_image(image);
  if (options.quality < 1 || options.quality > 100)
    throw ArgumentError("image quality " + std::to_string(options.quality) + "; it goes from 1 to 100");
  const int max_side = format == ImageFormat::webp ? 16383 : format == ImageFormat::jpeg ? 65500 : 1'000'000;
  if (std::max(image.width, image.height) > max_side)
    throw ArgumentError("an image of " + std::to_string(image.width) + "x" + std::to_string(image.height) +
                        " exceeds the format's " + std::to_string(max_side) + " per side");
  if (!metadata.digital_source_type.empty() && !is_digital_source_type(metadata.digital_source_type))
    throw ArgumentError("digital_source_type " + in_quotes(metadata.digital_source_type) +
                            " is not a term of IPTC's vocabulary, which are words of letters, such as "
                            "trainedAlgorithmicMedia",
                        "digital_source_type");
  return encode(
      image, format,
      {clean_utf8(metadata.parameters), clean_utf8(metadata.settings_json), metadata.digital_source_type},
      options);
}

void write_image(const std::filesystem::path& path, const Image& image, const Metadata& metadata,
                 const ImageFileOptions& options) {
  const ImageFormat format = image_format_of(path);
  AtomicFile file(path);
  const std::vector<std::uint8_t> bytes = encode_image(image, format, metadata, options);
  file.write(std::as_bytes(std::span(bytes)));
  file.commit();
}

namespace {

// Finds the format and calls its function, putting the name in front of what it throws.
template <class Result>
Result read_as(Bytes file, const Location& name, Result (*png)(Bytes), Result (*jpeg)(Bytes),
               Result (*webp)(Bytes)) {
  try {
    if (is_png(file)) return png(file);
    if (is_jpeg(file)) return jpeg(file);
    if (is_webp(file)) return webp(file);
  } catch (...) {
    rethrow_with_context("cannot read " + in_quotes(name.text), name.file);
  }
  throw FileError("cannot read " + in_quotes(name.text) + ": it is not a PNG, JPEG or WebP image", {},
                  name.file);
}

}  // namespace

Image read_image(const std::filesystem::path& path) {
  const std::string file = read_whole_file(path, kMaxFileBytes);
  return read_image(std::as_bytes(std::span(file)), path.string());
}

Image read_image(std::span<const std::byte> file, const Location& name) {
  return oriented(read_as(bytes_of(file), name, decode_png, decode_jpeg, decode_webp));
}

TransparentImage read_transparent_image(std::span<const std::byte> file, const Location& name) {
  return oriented(read_as<StoredTransparentImage>(
      bytes_of(file), name, decode_transparent_png, [](Bytes jpeg) { return opaque(decode_jpeg(jpeg)); },
      decode_transparent_webp));
}

TransparentImage read_transparent_image(const std::filesystem::path& path) {
  const std::string file = read_whole_file(path, kMaxFileBytes);
  return read_transparent_image(std::as_bytes(std::span(file)), path.string());
}

Metadata read_metadata(const std::filesystem::path& path) {
  const std::string file = read_whole_file(path, kMaxFileBytes);
  return read_metadata(std::as_bytes(std::span(file)), path.string());
}

Metadata read_metadata(std::span<const std::byte> file, const Location& name) {
  return read_as(bytes_of(file), name, png_metadata, jpeg_metadata, webp_metadata);
}

}  // namespace sd35
