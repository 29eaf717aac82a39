// How large a picture is, without decoding it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "core/location.h"

namespace sd35 {

struct ImageSize {
  int width = 0;
  int height = 0;

  bool operator==(const ImageSize&) const = default;
};

// The size of the picture that read_image() (image/image_file.h) gives, from the first bytes of its file of
// `file_size` bytes in all. Nothing when these are not enough: call again with more, finally with the whole
// file. 16 KiB are enough for nearly all. One difference: a PNG that puts its Exif orientation after the
// pixels counts as not turned.
//
// Throws FileError, naming the picture `name`, for what read_image() would refuse, if the header shows it.
std::optional<ImageSize> image_size(std::span<const std::byte> start, std::uint64_t file_size,
                                    const Location& name);

}  // namespace sd35
