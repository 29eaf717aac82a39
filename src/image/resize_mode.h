// A picture brought to another shape.
#pragma once

#include <string_view>

#include "image/image.h"

namespace sd35 {

// What happens where the shapes differ: the picture is stretched, its middle is cut out, or the whole is
// shown between bars that continue its edges.
enum class ResizeMode : std::uint8_t { stretch, crop, fill };

// "stretch", "crop" or "fill". Throws ArgumentError naming them.
ResizeMode resize_mode_from_name(std::string_view name);

// Lanczos (image/resize.h), as the three modes of diffusers' VaeImageProcessor.resize: "default", "crop",
// "fill". Throws ArgumentError as resize().
Image resize(const Image& image, int width, int height, ResizeMode mode);

}  // namespace sd35
