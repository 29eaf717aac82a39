// Where the text of a picture and its letters are, as the .json beside the picture says (docs/dataset.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/fit.h"

namespace sd35 {

struct AnnotatedLetter {
  std::string character;  // UTF-8
  int index = 0;          // in its word
  int word = 0;           // of the text
  int line = 0;
  PictureBox box;
};

struct Annotation {
  std::optional<PictureBox> text;        // the box called "text"
  std::vector<AnnotatedLetter> letters;  // in the order of the file
};

// Of a sample without such a file, or whose file does not mention text, it is empty. Throws FileError naming
// the sample when the file cannot be read, is not a JSON object, or has `boxes` or `letters` of another form.
Annotation read_annotation(const Dataset& dataset, std::int64_t index);

// The same for the picture as fit_to_bucket() crops it around the middle.
Annotation fit_to_bucket(Annotation annotation, ImageSize image, const Bucket& bucket);
// And for its mirror image of `width` pixels.
Annotation mirrored(Annotation annotation, int width);

// Samples with a box of text, in their order. Throws FileError as read_annotation() does.
std::vector<std::int64_t> samples_with_text(const Dataset& dataset);
// Whether any sample has letters; reads no more samples than that takes.
bool has_letters(const Dataset& dataset);

}  // namespace sd35
