// Picture files: PNG, JPEG and WebP, with the metadata of image/metadata.h.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "core/location.h"
#include "image/image.h"
#include "image/metadata.h"

namespace sd35 {

enum class ImageFormat : std::uint8_t { png, jpeg, webp };

// "png", "jpg", "jpeg" or "webp", in any case. Throws ArgumentError naming them.
ImageFormat image_format_from_name(const std::string& name);
// By the extension. Throws ArgumentError naming them.
ImageFormat image_format_of(const std::filesystem::path& path);

struct ImageFileOptions {
  int quality = 95;       // of JPEG and lossy WebP, 1 to 100
  bool lossless = false;  // WebP only
};

// The bytes of such a file; the same image, metadata and options give the same ones. Throws ArgumentError for
// an image without pixels, a quality out of range or sides the format cannot hold (JPEG 65500, WebP 16383).
std::vector<std::uint8_t> encode_image(const Image& image, ImageFormat format, const Metadata& metadata = {},
                                       const ImageFileOptions& options = {});

// Writes them through AtomicFile: the file appears complete or not at all. Throws ArgumentError as
// encode_image(), and for an unknown extension; FileError when writing fails.
void write_image(const std::filesystem::path& path, const Image& image, const Metadata& metadata = {},
                 const ImageFileOptions& options = {});

// Reads a PNG, JPEG or WebP, told apart by content. Grey and palettes become RGB, alpha is dropped (as
// Pillow's convert("RGB") does), 16 bits keep their upper 8, CMYK is converted, and an Exif orientation is
// applied. Throws FileError when the file cannot be read, is none of these formats, is truncated or corrupt,
// is animated, has a side above kMaxImageSide or more than 2^28 pixels.
Image read_image(const std::filesystem::path& path);
// The same, of a file in memory that messages call `name`.
Image read_image(std::span<const std::byte> file, const Location& name);

// The same with its alpha, 255 where it has none.
TransparentImage read_transparent_image(const std::filesystem::path& path);
TransparentImage read_transparent_image(std::span<const std::byte> file, const Location& name);

// What write_image(), or another program that uses the same places, put there; of a PNG, what comes before
// the pixels. Both texts are empty when there is nothing. Throws FileError as read_image() does, but does not
// decode the pixels.
Metadata read_metadata(const std::filesystem::path& path);
// The same, of a file in memory that messages call `name`.
Metadata read_metadata(std::span<const std::byte> file, const Location& name);

}  // namespace sd35
