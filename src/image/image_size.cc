#include "image/image_size.h"

#include <algorithm>
#include <string_view>

#include "core/error.h"
#include "core/messages.h"
#include "image/codec.h"
#include "image/exif.h"

namespace sd35 {
namespace {

std::size_t big_endian(Bytes bytes) {
  std::size_t value = 0;
  for (const std::uint8_t byte : bytes) value = value << 8 | byte;
  return value;
}

ImageSize shown_size(std::size_t width, std::size_t height, int orientation) {
  check_stored_size(width, height);
  if (orientation >= 5) std::swap(width, height);
  return {static_cast<int>(width), static_cast<int>(height)};
}

// The bytes at `position`; empty when the start of the file does not hold them. Throws FileError when the
// whole file does not.
class Start {
 public:
  Start(Bytes bytes, std::uint64_t file_size) : bytes_(bytes), file_size_(file_size) {}

  Bytes at(std::size_t position, std::size_t count) const {
    if (position > file_size_ || count > file_size_ - position) throw FileError("the file is truncated");
    if (position > bytes_.size() || count > bytes_.size() - position) return {};
    return bytes_.subspan(position, count);
  }

 private:
  Bytes bytes_;
  std::uint64_t file_size_;
};

// Chunks up to the first of the pixels: length, type, contents, checksum.
std::optional<ImageSize> png_size(const Start& start) {
  constexpr std::size_t kSignature = 8, kHead = 8, kChecksum = 4, kSizes = 8;
  const Bytes sizes = start.at(kSignature + kHead, kSizes);
  if (sizes.empty()) return std::nullopt;
  int orientation = 1;
  for (std::size_t position = kSignature;;) {
    const Bytes head = start.at(position, kHead);
    if (head.empty()) return std::nullopt;
    const std::size_t length = big_endian(head.first(4));
    const auto is = [&](std::string_view type) { return std::ranges::equal(head.subspan(4), type); };
    if (position == kSignature && !is("IHDR")) throw FileError("PNG: it does not begin with its header");
    if (is("IDAT") || is("IEND")) break;
    if (is("eXIf") && length > 0) {
      const Bytes block = start.at(position + kHead, length);
      if (block.empty()) return std::nullopt;
      orientation = parse_exif(block).orientation;
    }
    position += kHead + length + kChecksum;
  }
  return shown_size(big_endian(sizes.first(4)), big_endian(sizes.subspan(4)), orientation);
}

bool is_frame_header(std::uint8_t marker) {
  return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

bool has_no_length(std::uint8_t marker) { return marker == 0x01 || (marker >= 0xD0 && marker <= 0xD8); }

// Segments up to the first scan: 0xFF, marker, length (of itself too), contents.
std::optional<ImageSize> jpeg_size(const Start& start) {
  constexpr std::uint8_t kScan = 0xDA, kEnd = 0xD9, kApp1 = 0xE1;
  constexpr std::string_view kExifPrefix("Exif\0\0", 6);
  std::size_t width = 0, height = 0;
  std::optional<int> orientation;
  for (std::size_t position = 2;;) {
    const Bytes pair = start.at(position, 2);
    if (pair.empty()) return std::nullopt;
    const std::uint8_t marker = pair[1];
    if (pair[0] != 0xFF || marker == 0xFF || marker == 0) {  // filling, or what libjpeg passes over too
      ++position;
      continue;
    }
    position += 2;
    if (has_no_length(marker)) continue;
    if (marker == kScan || marker == kEnd) break;
    const Bytes count = start.at(position, 2);
    if (count.empty()) return std::nullopt;
    const std::size_t length = big_endian(count);
    if (length < 2) throw FileError("JPEG: a segment has a wrong length");
    if (is_frame_header(marker) || (marker == kApp1 && !orientation)) {
      const Bytes segment = start.at(position, length);
      if (segment.empty()) return std::nullopt;
      const Bytes contents = segment.subspan(2);
      if (is_frame_header(marker) && contents.size() >= 5) {
        height = big_endian(contents.subspan(1, 2));
        width = big_endian(contents.subspan(3, 2));
      } else if (std::ranges::equal(contents.first(std::min(contents.size(), kExifPrefix.size())),
                                    kExifPrefix)) {
        orientation = parse_exif(contents).orientation;
      }
    }
    position += length;
  }
  return shown_size(width, height, orientation.value_or(1));
}

}  // namespace

std::optional<ImageSize> image_size(std::span<const std::byte> start, std::uint64_t file_size,
                                    const Location& name) {
  const Bytes bytes(reinterpret_cast<const std::uint8_t*>(start.data()), start.size());
  constexpr std::size_t kTellsFormat = 12;
  if (bytes.size() < kTellsFormat && bytes.size() < file_size) return std::nullopt;
  try {
    if (is_png(bytes)) return png_size(Start(bytes, file_size));
    if (is_jpeg(bytes)) return jpeg_size(Start(bytes, file_size));
    if (is_webp(bytes)) {
      const std::optional<StoredSize> size = webp_size(bytes, file_size);
      if (!size) return std::nullopt;
      return shown_size(size->width, size->height, size->orientation);
    }
  } catch (...) {
    rethrow_with_context("cannot read " + in_quotes(name.text), name.file);
  }
  throw FileError("cannot read " + in_quotes(name.text) + ": it is not a PNG, JPEG or WebP image", {},
                  name.file);
}

}  // namespace sd35
