// Where things and letters are in a picture, in pixels.
#pragma once

#include <string>

namespace sd35 {

struct Placement {
  std::string name;  // a thing, a shape, "sign", "text area" or "text"
  double x = 0;
  double y = 0;
  double width = 0;
  double height = 0;
};

// The ink of a letter.
struct Letter {
  std::string character;  // UTF-8
  int index = 0;          // in its word
  int word = 0;           // of the text
  int line = 0;
  double x = 0;
  double y = 0;
  double width = 0;
  double height = 0;
};

}  // namespace sd35
