// Colours that stand for many.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "lab/scoring/lab_image.h"

namespace sd35 {

// Pixels clustered by similarity, as they arrive.
class Palette {
 public:
  void add(const Lab& pixel);
  // Without those that less than a share of `rarest` of the pixels have.
  std::vector<Lab> colours(double rarest) const;
  // Nothing when there are no pixels.
  std::optional<Lab> commonest() const;

 private:
  struct Cluster {
    Lab sum{};
    int count = 0;

    Lab mean() const;
  };
  std::vector<Cluster> clusters_;
  int total_ = 0;
};

}  // namespace sd35
