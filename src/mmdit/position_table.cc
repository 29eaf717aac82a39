#include "mmdit/position_table.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace sd35 {

PositionTable::PositionTable(std::int64_t side, std::int64_t width, std::int64_t centre)
    : side_(side), width_(width) {
  constexpr double kCoordinates = 16;  // patches per side of a 256 pixel picture
  const std::int64_t n = width / 4;
  places_.resize(static_cast<std::size_t>(side * width / 2));
  for (std::int64_t i = 0; i < side; ++i) {
    const double p = (static_cast<double>(i) - static_cast<double>(side - centre) / 2) * kCoordinates /
                     static_cast<double>(centre);
    float* row = places_.data() + i * width / 2;
    for (std::int64_t k = 0; k < n; ++k) {
      const double angle = p * std::pow(10000.0, -static_cast<double>(k) / static_cast<double>(n));
      row[k] = static_cast<float>(std::sin(angle));
      row[n + k] = static_cast<float>(std::cos(angle));
    }
  }
}

void PositionTable::fill(std::uint64_t first, std::span<float> out) const {
  const auto half = static_cast<std::uint64_t>(width_) / 2, side = static_cast<std::uint64_t>(side_);
  for (std::size_t i = 0; i < out.size();) {
    // Each half of a row is one coordinate: first the column's, then the row's.
    const std::uint64_t at = first + i, index = at / (2 * half), within = at % half;
    const bool second_half = at % (2 * half) >= half;
    const std::uint64_t place = second_half ? index / side : index % side;
    const std::size_t count = std::min<std::size_t>(half - within, out.size() - i);
    std::copy_n(places_.data() + place * half + within, count, out.data() + i);
    i += count;
  }
}

}  // namespace sd35
