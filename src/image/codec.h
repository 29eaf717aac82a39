// The three formats, from and to memory. Private to this folder; image/image_file.h is the public face.
//
// libpng and libjpeg report errors by longjmp. Each such call sits in a function marked `noexcept` whose
// locals are trivial and whose state lives in a struct of its caller, so that no destructor is ever skipped;
// callbacks that they call never throw.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "image/image.h"
#include "image/metadata.h"

namespace sd35 {

using Bytes = std::span<const std::uint8_t>;

// A decoded picture as it is stored, with the Exif orientation (1 to 8) it asks to be shown in.
template <class Pixels>
struct Stored {
  Pixels image;
  int orientation = 1;
};
using StoredImage = Stored<Image>;
using StoredTransparentImage = Stored<TransparentImage>;

// Its size alone.
struct StoredSize {
  std::uint64_t width = 0;
  std::uint64_t height = 0;
  int orientation = 1;
};

// Throws FileError when a picture of this size must not be read (see read_image), or has more pixels than a
// file of this length can hold: a few bytes must not make us allocate gigabytes.
void check_stored_size(std::uint64_t width, std::uint64_t height,
                       std::uint64_t possible_pixels = std::numeric_limits<std::uint64_t>::max());

bool is_png(Bytes file);
std::vector<std::uint8_t> encode_png(const Image& image, const Metadata& metadata);
StoredImage decode_png(Bytes file);
StoredTransparentImage decode_transparent_png(Bytes file);
Metadata png_metadata(Bytes file);

bool is_jpeg(Bytes file);
std::vector<std::uint8_t> encode_jpeg(const Image& image, const Metadata& metadata, int quality);
StoredImage decode_jpeg(Bytes file);
Metadata jpeg_metadata(Bytes file);

bool is_webp(Bytes file);
std::vector<std::uint8_t> encode_webp(const Image& image, const Metadata& metadata, int quality,
                                      bool lossless);
StoredImage decode_webp(Bytes file);
StoredTransparentImage decode_transparent_webp(Bytes file);
Metadata webp_metadata(Bytes file);
// The size from the start of a file of `file_size` bytes; nothing when more of the file is needed.
std::optional<StoredSize> webp_size(Bytes start, std::uint64_t file_size);

}  // namespace sd35
