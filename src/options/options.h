// Every option of loading and drawing, described once. Everything that needs them all visits them: the
// command line, recipes and other JSON, the checks of ranges, docs/options.md, the tests.
//
//   visit_options(options, [](const Option& option, auto& value) { ... });
//   visit_defaults<LoadOptions>([](const Option& option, const auto& value) { ... });
//
// The value is a bool, int, double, std::uint64_t, std::string, std::filesystem::path, std::vector<int>,
// std::vector<double> or std::vector<LoraOptions>, or a std::optional of one that may be unset. How to add
// one: CONTRIBUTING.md.
#pragma once

#include "options/generate_options.h"
#include "options/load_options.h"

namespace sd35 {

// Every option with its default.
template <class Options, class Visitor>
void visit_defaults(Visitor&& visit) {
  const Options defaults{};
  visit_options(defaults, visit);
}

}  // namespace sd35
