// The pictures of Noto Color Emoji.
#pragma once

#include <memory>

#include "lab/drawing/canvas.h"

namespace sd35 {

class EmojiFont {
 public:
  // Whether the font is there.
  static bool is_installed();

  // Finds the font through fontconfig. Throws FileError naming the package when it is not installed.
  EmojiFont();
  ~EmojiFont();
  EmojiFont(const EmojiFont&) = delete;
  EmojiFont& operator=(const EmojiFont&) = delete;

  // The bitmap of one character (136 x 128 pixels in today's font). Throws FileError when the font has none.
  Surface picture(char32_t character) const;

 private:
  struct Face;
  std::unique_ptr<Face> face_;
};

}  // namespace sd35
