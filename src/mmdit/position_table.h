// The initial positional table of Stable Diffusion 3.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace sd35 {

// The positional table of MMDiT: one row [width] for each place, columns first, then rows, each as
// [sin(p w_0) .. sin(p w_n), cos(p w_0) .. cos(p w_n)] with w_k = 10000^(-k / n), n = width / 4. Place i has
// p = (i - (side - centre) / 2) * 16 / centre, so that the centre of the table, `centre` patches of the size
// the model is meant for, spans the coordinates 0 to 16 of a 256 pixel picture.
// Reference: SD3 paper (arXiv 2403.03206), positional encodings for varying aspect ratios.
class PositionTable {
 public:
  PositionTable(std::int64_t side, std::int64_t width, std::int64_t centre);
  // Elements [first, first + out.size()) of the table [side * side, width].
  void fill(std::uint64_t first, std::span<float> out) const;

 private:
  std::int64_t side_;
  std::int64_t width_;
  std::vector<float> places_;  // [side, width / 2]
};

}  // namespace sd35
