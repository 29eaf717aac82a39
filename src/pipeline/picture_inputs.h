// The pictures that go into a drawing, as pixels: read, brought to its size, and how what is drawn goes back
// into them.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "image/image.h"
#include "image/image_size.h"
#include "image/mask.h"
#include "sd35/sd35.h"

namespace sd35 {

struct PictureInputs {
  std::optional<Image> init;       // [height, width] of the drawing
  std::optional<Mask> mask;        // of the same size, grey: what is painted
  std::optional<Image> reference;  // [height, width], to edit

  std::vector<std::string> marks;  // Picture::digital_source_type of those that are drawn from

  // What a drawing is put back into, with the mask of its size; the drawing goes to `region` of it.
  std::optional<Image> original;
  Mask paste_mask;
  Region region;

  // The drawing in the original; as it is, where nothing is to be put back.
  Image put_back(const Image& drawn) const;
};

// The size that the pictures in `options` give the drawing, for width and height where they are unset:
// multiples of `unit`. No more pixels than a square with the side `largest`. Nothing if they give none.
// Throws FileError for a file that is not a picture.
std::optional<ImageSize> size_from_inputs(const GenerateOptions& options, int unit, int largest);

// `options` are complete. Throws FileError for files that cannot be read, ArgumentError for pictures that do
// not go together. `warn` is told what is left out of them.
PictureInputs read_inputs(const GenerateOptions& options,
                          const std::function<void(const std::string&)>& warn);

// Throws ArgumentError for options of pictures that need others (a mask without a picture), and for a mask of
// another size than its picture; FileError for files that are not pictures.
void check_input_options(const GenerateOptions& options);
// `options` are complete: throws ArgumentError where width and height are not those that outpainting makes.
void check_outpainted_size(const GenerateOptions& options, int unit);

// Whether a picture goes through the autoencoder's encoder.
bool encodes_pictures(const GenerateOptions& options);

// InitOptions::strength, or what stands for it.
double strength_of(const GenerateOptions& options);

// 32 hexadecimal digits from the pixels of a picture, and its transparency.
std::string pixel_hash(const InputPicture& input);

}  // namespace sd35
