// What training never sees, so that understanding can be told apart from memory.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lab/scenes/scene.h"

namespace sd35 {

inline constexpr unsigned kHeldOutPercent = 8;

// The combinations in a scene, each a line that begins with its sort:
//   word <word in lowercase>                    every word on the sign
//   sign <holder> <words in lowercase>          a thing and what its sign says
//   colour <thing or shape> <colour>            unless the thing has it by nature
//   position <a> left of|above <b>              whichever way it was worded
//   count <thing or shape> <count>              from two on
//   background <thing or shape> <background>    of a background that has a name
//   hybrid <surface> <body>, wearing|holding|standing <who> <what>
std::vector<std::string> combinations(const Scene& scene);

// kHeldOutPercent of all combinations, by a hash of the line that will not change. Of the `sign` lines only
// the README's, a capybara with "Hello World".
bool is_held_out(std::string_view combination);

// Whether a scene may be in a split.
bool fits_split(const Scene& scene, Split split);

}  // namespace sd35
