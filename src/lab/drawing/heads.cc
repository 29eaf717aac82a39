#include "lab/drawing/heads.h"

#include <algorithm>
#include <span>

namespace sd35 {
namespace {

constexpr Head kNotoHeads[] = {{"monkey", 0.12, 0.5, 0.38, 0.56},  {"dog", 0.12, 0.52, 0.42, 0.62},
                               {"wolf", 0.2, 0.42, 0.52, 0.6},     {"fox", 0.26, 0.44, 0.55, 0.6},
                               {"raccoon", 0.16, 0.5, 0.52, 0.66}, {"cat", 0.2, 0.48, 0.5, 0.66},
                               {"lion", 0.14, 0.5, 0.42, 0.5},     {"tiger", 0.12, 0.5, 0.46, 0.62},
                               {"cow", 0.16, 0.46, 0.46, 0.6},     {"pig", 0.14, 0.5, 0.44, 0.64},
                               {"mouse", 0.26, 0.46, 0.52, 0.6},   {"hamster", 0.14, 0.52, 0.46, 0.64},
                               {"bear", 0.14, 0.52, 0.42, 0.6},    {"koala", 0.12, 0.46, 0.42, 0.56},
                               {"panda", 0.12, 0.52, 0.44, 0.64},  {"frog", 0.16, 0.4, 0.2, 0.76}};

constexpr Head kFluentHeads[] = {{"monkey", 0.1, 0.52, 0.38, 0.5},    {"dog", 0.08, 0.5, 0.41, 0.52},
                                 {"wolf", 0.32, 0.36, 0.51, 0.56},    {"fox", 0.28, 0.42, 0.53, 0.58},
                                 {"raccoon", 0.14, 0.44, 0.48, 0.54}, {"cat", 0.24, 0.46, 0.46, 0.56},
                                 {"lion", 0.14, 0.5, 0.4, 0.46},      {"tiger", 0.12, 0.46, 0.43, 0.5},
                                 {"cow", 0.16, 0.42, 0.4, 0.5},       {"pig", 0.12, 0.5, 0.4, 0.62},
                                 {"mouse", 0.38, 0.42, 0.7, 0.5},     {"hamster", 0.26, 0.46, 0.58, 0.56},
                                 {"bear", 0.1, 0.54, 0.47, 0.56},     {"koala", 0.14, 0.42, 0.54, 0.54},
                                 {"panda", 0.1, 0.52, 0.48, 0.56},    {"frog", 0.2, 0.34, 0.2, 0.66}};

constexpr Head kCapybara{"capybara", 0.12, 0.56, 0.37, 0.8};

}  // namespace

Head head_of(SpriteStyle style, std::string_view name) {
  if (name == kCapybara.name) return kCapybara;
  const std::span<const Head> heads =
      style == SpriteStyle::fluent ? std::span<const Head>(kFluentHeads) : std::span<const Head>(kNotoHeads);
  const auto found = std::ranges::find(heads, name, &Head::name);
  return found == heads.end() ? Head{.name = name} : *found;
}

}  // namespace sd35
