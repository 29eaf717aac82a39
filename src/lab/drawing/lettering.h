// Words in typefaces, by Pango.
#pragma once

#include <string>
#include <vector>

#include "lab/drawing/canvas.h"
#include "lab/drawing/placement.h"

namespace sd35 {

struct TextStyle {
  int typeface = 0;     // below kTypefaces
  double tracking = 0;  // added between letters, in font sizes
};

// Words broken into lines, of a given size. Its height is that of letters with ascenders and descenders,
// whether the words have them or not, so that the place of a letter does not depend on the shapes of others.
struct TextBlock {
  std::vector<std::string> lines;
  double font_size = 0;  // in pixels, as all of these
  double capital_height = 0;
  double width = 0;
  double height = 0;
};

class Lettering {
 public:
  Lettering();
  ~Lettering();
  Lettering(const Lettering&) = delete;
  Lettering& operator=(const Lettering&) = delete;

  // Breaks the words into the lines that allow the largest letters within `width` x `height` pixels;
  // `fullness` in (0, 1] makes them smaller than that. Throws FileError naming the package when the typeface
  // is not installed.
  TextBlock fit(const std::vector<std::string>& words, const TextStyle& style, double width, double height,
                double fullness);

  // Lines centred in `box` (pixels; Cairo's matrix applies on top). Returns where each letter is, in pixels.
  std::vector<Letter> draw(cairo_t* cr, const TextBlock& text, const TextStyle& style, const Box& box,
                           Rgb colour);

 private:
  struct Pango;
  std::unique_ptr<Pango> pango_;
};

}  // namespace sd35
