#include "argument_values.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <filesystem>
#include <string_view>

#include "arguments.h"

namespace sd35::cli {

namespace fs = std::filesystem;

// A path may hold colons: what follows the last one is a weight unless such a file exists.
LoraOptions lora_argument(const std::string& name, const std::string& argument) {
  const std::size_t colon = argument.rfind(':');
  std::error_code ignored;
  if (colon == argument.npos || fs::exists(argument, ignored)) return {argument, 1};
  const std::string path = argument.substr(0, colon);
  if (path.empty())
    throw ArgumentError(name + " " + argument + ": which file? As in my-lora.safetensors:0.8");
  return {path, read_number(name + " " + argument + ": the weight", argument.substr(colon + 1))};
}

std::string memory_argument(const std::string& name, const std::string& argument) {
  constexpr std::array<std::pair<std::string_view, double>, 10> kUnits{{{"", 1},
                                                                        {"b", 1},
                                                                        {"k", 1e3},
                                                                        {"kb", 1e3},
                                                                        {"m", 1e6},
                                                                        {"mb", 1e6},
                                                                        {"g", 1e9},
                                                                        {"gb", 1e9},
                                                                        {"mib", 1 << 20},
                                                                        {"gib", 1 << 30}}};
  constexpr double kLeast = 1e6, kMost = 1e15;
  double number = 0;
  const auto [end, error] = std::from_chars(argument.data(), argument.data() + argument.size(), number);
  std::string unit(end, argument.data() + argument.size());
  std::erase(unit, ' ');
  std::ranges::transform(unit, unit.begin(), [](unsigned char c) { return std::tolower(c); });
  const auto found = std::ranges::find(kUnits, unit, &std::pair<std::string_view, double>::first);
  if (error != std::errc() || found == kUnits.end() || !(number > 0 && number * found->second < kMost))
    throw ArgumentError(name + " " + argument + " is not a size; it must be a number with a unit, as in 4GB");
  const double bytes = number * found->second;
  if (bytes < kLeast)
    throw ArgumentError(name + " " + argument + " is " + std::to_string(static_cast<int>(bytes)) +
                        " bytes; did you mean " +
                        argument.substr(0, static_cast<std::size_t>(end - argument.data())) + "GB?");
  return std::to_string(static_cast<std::uint64_t>(bytes));
}

std::pair<double, double> pair_argument(const std::string& name, const std::string& argument) {
  const std::size_t comma = argument.find(',');
  if (comma == argument.npos || argument.find(',', comma + 1) != argument.npos)
    throw ArgumentError(name + " " + argument + ": it takes two numbers, as in 0.1,0.7");
  return {read_number(name, argument.substr(0, comma)), read_number(name, argument.substr(comma + 1))};
}

}  // namespace sd35::cli
