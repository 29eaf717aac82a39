// What stands in front of the background.
#pragma once

#include <vector>

#include "lab/scoring/lab_image.h"

namespace sd35 {

struct PixelBox {
  int left = 0;
  int top = 0;
  int right = 0;  // exclusive
  int bottom = 0;

  int width() const { return right - left; }
  int height() const { return bottom - top; }
};

// Connected pixels (eight neighbours).
struct Part {
  PixelBox box;
  std::int64_t area = 0;
  double x = 0;  // the centroid
  double y = 0;
  Mask mask;  // of the whole picture's size
};

struct Foreground {
  Mask mask;   // holes filled
  Mask holes;  // what was filled and looks like the background
};

// The background is what looks like the picture's edge and is connected to it: in each row like its left and
// right ends if these agree in most rows, else like any colour along the edge.
Foreground separate(const LabImage& picture);

// The largest first. `smallest`: parts below this share of the largest one's area are left out.
std::vector<Part> parts_of(const Mask& mask, double smallest);

// The parts joined into one.
Part joined(const std::vector<Part>& parts);

}  // namespace sd35
