#include "pipeline/picture_inputs.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

#include "core/error.h"
#include "core/file_reader.h"
#include "core/hash128.h"
#include "core/messages.h"
#include "image/blur_fill.h"
#include "image/image_file.h"
#include "image/resize_mode.h"
#include "options/input_choices.h"

namespace sd35 {
namespace {

constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 30;  // of a file
// Outpainting: how far into the picture it paints.
constexpr int kOverlap = 16, kOutpaintUnit = 16;
constexpr double kBlur = 4, kOutpaintBlur = 8;
constexpr double kStrength = 0.6, kOutpaintStrength = 0.9;

struct Padding {
  int left = 0, top = 0, right = 0, bottom = 0;
};

Padding padding_of(const GenerateOptions& options) {
  const std::vector<int>& asked = options.inpaint.outpaint;
  if (asked.empty()) return {};
  const auto side = [&](std::size_t i) {
    return (asked.at(i) + kOutpaintUnit - 1) / kOutpaintUnit * kOutpaintUnit;
  };
  return {side(0), side(1), side(2), side(3)};
}

std::string name_of(const InputPicture& input) {
  return input.path.empty() ? "the picture" : in_quotes(input.path.string());
}

ImageSize size_of(const InputPicture& input) {
  if (input.picture) return {input.picture->width, input.picture->height};
  constexpr std::uint64_t kFirstLook = 16384;
  const FileReader file(input.path.string());
  for (std::uint64_t look = kFirstLook;; look *= 8) {
    const std::uint64_t length = std::min(look, file.size());
    if (const auto size = image_size(file.read(0, length), file.size(), input.path.string())) return *size;
    if (length == file.size())
      throw FileError("cannot read " + name_of(input) + ": the file is truncated", {}, input.path.string());
  }
}

// With its alpha, and the mark that a model made it.
Picture read(const InputPicture& input) {
  if (!input.picture) {
    const std::string file = read_whole_file(input.path, kMostBytes);
    const std::span<const std::byte> bytes = std::as_bytes(std::span(file));
    const TransparentImage image = read_transparent_image(bytes, input.path.string());
    return {image.width, image.height,    without_alpha(image).rgb,
            {},          alpha_of(image), read_metadata(bytes, input.path.string()).digital_source_type};
  }
  const Picture& picture = *input.picture;
  check_image({picture.width, picture.height, picture.rgb});
  if (!picture.alpha.empty() && picture.alpha.size() != picture.rgb.size() / 3)
    throw ArgumentError("the alpha of " + name_of(input) + " has another size than its pixels");
  return picture;
}

// White where it is to be painted: where it is transparent, or white if it is opaque everywhere.
Mask whole_mask(const Picture& picture) {
  if (picture.alpha.empty()) return mask_of({picture.width, picture.height, picture.rgb});
  return inverted({picture.width, picture.height, picture.alpha});
}

// A larger canvas with the picture on it, and the mask of what is new and a little more.
std::pair<Image, Mask> outpainted(const Image& picture, const Mask* mask, const Padding& padding) {
  const int width = picture.width + padding.left + padding.right,
            height = picture.height + padding.top + padding.bottom;
  Image canvas{width, height, std::vector<std::uint8_t>(std::size_t{3} * width * height)};
  paste(picture, padding.left, padding.top, canvas);
  Image white{width, height, std::vector<std::uint8_t>(canvas.rgb.size(), 255)};
  const Region kept{padding.left > 0 ? std::min(kOverlap, picture.width / 4) : 0,
                    padding.top > 0 ? std::min(kOverlap, picture.height / 4) : 0,
                    picture.width - (padding.right > 0 ? std::min(kOverlap, picture.width / 4) : 0),
                    picture.height - (padding.bottom > 0 ? std::min(kOverlap, picture.height / 4) : 0)};
  const Mask nothing{picture.width, picture.height, std::vector<std::uint8_t>(picture.rgb.size() / 3)};
  paste(cropped(image_of(mask != nullptr ? *mask : nothing), kept), padding.left + kept.left,
        padding.top + kept.top, white);
  return {std::move(canvas), mask_of(white)};
}

std::string shown(const ImageSize& size) {
  return std::to_string(size.width) + "x" + std::to_string(size.height);
}

// The whole mask at the picture's size, without its blur; nothing where there is none.
std::optional<Mask> read_mask(const GenerateOptions& options, Image& picture) {
  std::optional<Mask> mask;
  if (options.inpaint.mask.given()) {
    const Picture image = read(options.inpaint.mask);
    mask = whole_mask(image);
    if (options.inpaint.invert) mask = inverted(std::move(*mask));
  }
  const bool outpaints = !options.inpaint.outpaint.empty();
  if (outpaints) std::tie(picture, mask) = outpainted(picture, mask ? &*mask : nullptr, padding_of(options));
  if (!mask) return mask;
  if (!options.inpaint.soft) mask = binarized(std::move(*mask));
  if (std::ranges::all_of(mask->grey, [](std::uint8_t grey) { return grey == 0; }))
    throw ArgumentError(
        "nothing of the mask " + name_of(options.inpaint.mask) +
            " is white enough to be painted; it must be " +
            (options.inpaint.soft ? "more than black" : "at least half white, or --soft-mask"),
        "inpaint.mask");
  return mask;
}

double blur_of(const GenerateOptions& options) {
  return options.inpaint.blur.value_or(options.inpaint.outpaint.empty() ? kBlur : kOutpaintBlur);
}

Image filled(const Image& picture, const Mask& mask, const GenerateOptions& options) {
  InpaintFill fill = inpaint_fill_from_name(options.inpaint.fill);
  if (fill == InpaintFill::unset)
    fill = options.inpaint.outpaint.empty() ? InpaintFill::original : InpaintFill::blur;
  return fill == InpaintFill::blur ? blur_filled(picture, mask) : picture;
}

Mask resized(const Mask& mask, int width, int height, ResizeMode mode) {
  return mask_of(resize(image_of(mask), width, height, mode));
}

[[noreturn]] void refuse(const std::string& option, const std::string& needs) {
  throw ArgumentError(option + " needs " + needs, option);
}

}  // namespace

Image PictureInputs::put_back(const Image& drawn) const {
  if (!original) return drawn;
  Image whole = *original;
  const Image part = resize(drawn, region.width(), region.height(), ResizeMode::crop);
  paste(part, region.left, region.top, whole);
  return composite(*original, whole, paste_mask);
}

std::optional<ImageSize> size_from_inputs(const GenerateOptions& options, int unit, int largest) {
  const InputPicture& input = options.init.picture.given() ? options.init.picture : options.edit;
  if (!input.given() || options.inpaint.only_masked) return std::nullopt;
  const ImageSize size = size_of(input);
  const Padding padding = options.init.picture.given() ? padding_of(options) : Padding{};
  const double width = size.width + padding.left + padding.right,
               height = size.height + padding.top + padding.bottom;
  // What is outpainted should not shrink.
  const double scale =
      options.inpaint.outpaint.empty() ? std::min(1.0, largest / std::sqrt(width * height)) : 1;
  const auto side = [&](double pixels) {
    return std::max(unit, static_cast<int>(pixels * scale) / unit * unit);
  };
  return ImageSize{side(width), side(height)};
}

void check_outpainted_size(const GenerateOptions& options, int unit) {
  if (options.inpaint.outpaint.empty()) return;
  const ImageSize asked{options.width.value(), options.height.value()},
      made = size_from_inputs(options, unit, 0).value();
  if (asked != made)
    throw ArgumentError("outpainting makes a picture of " + shown(made) + " here, not of " + shown(asked) +
                            "; leave width and height out",
                        "inpaint.outpaint");
}

void check_input_options(const GenerateOptions& options) {
  const InpaintOptions& inpaint = options.inpaint;
  if (!options.init.picture.given()) {
    if (inpaint.mask.given()) refuse("inpaint.mask", "a picture to paint in: init.picture (--init)");
    if (!inpaint.outpaint.empty()) refuse("inpaint.outpaint", "a picture to add to: init.picture (--init)");
    if (options.init.strength) refuse("init.strength", "a picture to begin with: init.picture (--init)");
  }
  if (!inpaint.outpaint.empty() && (inpaint.outpaint.size() != 4 || std::ranges::max(inpaint.outpaint) == 0))
    throw ArgumentError(
        "outpaint takes four numbers of pixels from 0, left, top, right and bottom, of which one is above 0",
        "inpaint.outpaint");
  const bool painted = inpaint.mask.given() || !inpaint.outpaint.empty();
  if (inpaint.only_masked && !inpaint.mask.given())
    refuse("inpaint.only_masked", "a mask: inpaint.mask (--mask)");
  if (inpaint.only_masked && !inpaint.outpaint.empty())
    throw ArgumentError("only_masked and outpaint do not go together", "inpaint.only_masked");
  if (inpaint.invert && !inpaint.mask.given()) refuse("inpaint.invert", "a mask: inpaint.mask (--mask)");
  if (inpaint.soft && !painted) refuse("inpaint.soft", "a mask: inpaint.mask (--mask)");
  if (options.init.strength && !(*options.init.strength > 0))
    throw ArgumentError("strength must be above 0, or nothing would be drawn, and at most 1",
                        "init.strength");
  if (options.hires.scale <= 1 && (options.hires.strength || options.hires.steps > 0))
    refuse(options.hires.strength ? "hires.strength" : "hires.steps", "a second pass: hires.scale (--hires)");
  if (options.hires.scale > 1 && options.edit.given())
    throw ArgumentError("hires and edit do not go together: the picture's tokens are those of one size",
                        "hires.scale");
  if (options.hires.scale > 1 && painted)
    throw ArgumentError(
        "hires does not go together with a mask or outpaint: paint first, then draw larger from that",
        "hires.scale");
  if (!inpaint.mask.given()) return;
  const ImageSize picture = size_of(options.init.picture), mask = size_of(inpaint.mask);
  if (picture != mask)
    throw ArgumentError("the mask " + name_of(inpaint.mask) + " has " + shown(mask) +
                            " pixels and the picture " + shown(picture) + "; they must have the same",
                        "inpaint.mask");
}

bool encodes_pictures(const GenerateOptions& options) {
  const bool again =
      options.hires.scale > 1 && upscaler_from_name(options.hires.upscaler) == Upscaler::lanczos;
  return options.init.picture.given() || options.edit.given() || again;
}

double strength_of(const GenerateOptions& options) {
  if (!options.init.picture.given()) return 1;
  return options.init.strength.value_or(options.inpaint.outpaint.empty() ? kStrength : kOutpaintStrength);
}

PictureInputs read_inputs(const GenerateOptions& options,
                          const std::function<void(const std::string&)>& warn) {
  PictureInputs inputs;
  const int width = options.width.value(), height = options.height.value();
  const ResizeMode mode = resize_mode_from_name(options.init.resize);
  const auto colours = [&](const InputPicture& input) -> Image {
    Picture picture = read(input);
    inputs.marks.push_back(picture.digital_source_type);
    if (!picture.alpha.empty() && !options.inpaint.mask.given())
      warn("the transparency of " + name_of(input) +
           " is dropped; given as the mask too, it says what is painted");
    return {picture.width, picture.height, std::move(picture.rgb)};
  };
  if (options.edit.given()) inputs.reference = resize(colours(options.edit), width, height, mode);
  if (!options.init.picture.given()) return inputs;

  Image picture = colours(options.init.picture);
  const std::optional<Mask> sharp = read_mask(options, picture);
  if (!sharp) {
    inputs.init = resize(picture, width, height, mode);
    return inputs;
  }
  const Mask mask = blurred(*sharp, blur_of(options));
  if (options.inpaint.only_masked) {
    inputs.region = masked_region(*sharp, width, height, *options.inpaint.only_masked);
    inputs.init =
        resize(cropped(filled(picture, mask, options), inputs.region), width, height, ResizeMode::fill);
    inputs.mask = mask_of(resize(cropped(image_of(mask), inputs.region), width, height, ResizeMode::fill));
    inputs.original = std::move(picture);
    inputs.paste_mask = mask;
    return inputs;
  }
  inputs.mask = resized(mask, width, height, mode);
  Image shown = resize(picture, width, height, mode);
  inputs.init = filled(shown, *inputs.mask, options);
  if (!options.inpaint.paste) return inputs;
  inputs.region = {0, 0, width, height};
  inputs.original = std::move(shown);
  inputs.paste_mask = *inputs.mask;
  return inputs;
}

std::string pixel_hash(const InputPicture& input) {
  const Picture picture = read(input);
  Hasher128 hasher;
  hasher.add_number(static_cast<std::uint64_t>(picture.width));
  hasher.add_number(static_cast<std::uint64_t>(picture.height));
  hasher.add(std::as_bytes(std::span(picture.rgb)));
  hasher.add(std::as_bytes(std::span(picture.alpha)));
  return hasher.digest().hex();
}

}  // namespace sd35
