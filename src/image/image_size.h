// How large a picture is, without decoding it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace sd35 {

struct ImageSize {
  int width = 0;
  int height = 0;

  bool operator==(const ImageSize&) const = default;
};

// The size of the picture that read_image() (image/image_file.h) gives, from the first bytes of its file of
// `file_size` bytes in all. Nothing when these do not tell: call again with more, at last with the whole
// file. 16 KiB are enough for nearly all. One difference: a PNG that puts its Exif orientation behind the
// pixels counts as not turned.
//
// Throws FileError, naming the picture `name`, for what read_image() would refuse and the header shows.
std::optional<ImageSize> image_size(std::span<const std::byte> start, std::uint64_t file_size,
                                    const std::string& name);

}  // namespace sd35
