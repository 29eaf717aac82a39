// Words in typefaces, by Pango.
#pragma once

#include <string>
#include <vector>

#include "scenes/drawing/canvas.h"
#include "scenes/drawing/placement.h"

namespace sd35 {

// Words broken into lines, of a given size.
struct TextBlock {
  std::vector<std::string> lines;
  double font_size = 0;  // in pixels
  double width = 0;      // of the ink, in pixels
  double height = 0;
};

class Lettering {
 public:
  // Throws FileError naming the package when one of the typefaces is not installed.
  Lettering();
  ~Lettering();
  Lettering(const Lettering&) = delete;
  Lettering& operator=(const Lettering&) = delete;

  // Breaks the words into the lines that allow the largest letters within `width` x `height` pixels;
  // `fullness` in (0, 1] makes them smaller than that. No letter of a line is wider than its box.
  TextBlock fit(const std::vector<std::string>& words, int typeface, double width, double height,
                double fullness);

  // Lines centred in `box` (pixels; Cairo's matrix applies on top). Returns where each letter is, by the same
  // measure.
  std::vector<Letter> draw(cairo_t* cr, const TextBlock& text, int typeface, const Box& box, Rgb colour);

 private:
  struct Pango;
  std::unique_ptr<Pango> pango_;
};

}  // namespace sd35
