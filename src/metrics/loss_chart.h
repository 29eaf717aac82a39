// A chart of losses over steps, as SVG.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace sd35 {

using Curve = std::vector<std::pair<std::int64_t, double>>;  // (step, value), steps ascending

// The curves by name, each thinned to the means of at most 400 ranges of steps. Values that are not finite
// are left out.
std::string draw_curves(const std::map<std::string, Curve>& curves);

}  // namespace sd35
