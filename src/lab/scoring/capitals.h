// How large a drawn text is.
#pragma once

#include <vector>

#include "lab/drawing/placement.h"

namespace sd35 {

// The height of the capital letters of a drawn text in pixels, by its highest letter without a tail; NaN for
// a text of neither capital letters nor digits nor letters as high as those (acorn).
double capital_height(const std::vector<Letter>& letters);

}  // namespace sd35
