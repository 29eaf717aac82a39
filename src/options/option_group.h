// What those that describe options share.
#pragma once

#include <concepts>
#include <string_view>
#include <type_traits>
#include <utility>

#include "options/option.h"

namespace sd35 {

// A struct of options, which may be const.
template <class T, class Options>
concept OptionsOf = std::same_as<std::remove_const_t<T>, Options>;

// The visitor of one group.
template <class Visitor>
auto in_group(std::string_view group, Visitor& visit) {
  return [group, &visit](Option option, auto& value) {
    option.group = group;
    visit(std::as_const(option), value);
  };
}

}  // namespace sd35
