// What somebody meant who mistyped a name.
#pragma once

#include <string>
#include <vector>

namespace sd35 {

// "; did you mean --seed?" where one of `known` is like `word`, else "".
std::string did_you_mean(const std::string& word, const std::vector<std::string>& known);

}  // namespace sd35
