#include "image/psnr.h"

#include <cmath>

#include "core/error.h"

namespace sd35 {

double psnr(const Image& a, const Image& b) {
  if (a.width != b.width || a.height != b.height)
    throw ArgumentError("pictures of different sizes cannot be compared");
  double sum = 0;
  for (std::size_t i = 0; i < a.rgb.size(); ++i) {
    const double difference = static_cast<double>(a.rgb[i]) - b.rgb[i];
    sum += difference * difference;
  }
  return 10 * std::log10(255.0 * 255.0 * static_cast<double>(a.rgb.size()) / sum);
}

}  // namespace sd35
