#include "options/check_values.h"

#include <cfloat>
#include <cmath>

#include "core/error.h"
#include "options/options.h"

namespace sd35 {
namespace {

void check_number(const Option& option, double value, const std::string& shown, const char* verb = " is ") {
  if (value == 0 && !option.zero.empty()) return;
  if (value >= option.range.least && value <= option.range.most) return;  // false for NaN
  const std::string range = range_of(option);
  throw ArgumentError(
      std::string(option.name) + verb + shown + "; it must be " + (range.empty() ? "a finite number" : range),
      option.name);
}

}  // namespace

void check_value(const Option& /*option*/, bool /*value*/) {}

void check_value(const Option& option, int value) { check_number(option, value, std::to_string(value)); }

void check_value(const Option& /*option*/, std::uint64_t /*value*/) {}

void check_value(const Option& option, double value) { check_number(option, value, shortest(value)); }

void check_value(const Option& option, const std::string& value) {
  if (option.check == nullptr) return;
  try {
    option.check(value);
  } catch (const ArgumentError& error) {
    const std::string message = error.what(), name(option.name);
    throw ArgumentError(message.find(name) == message.npos ? name + ": " + message : message, name);
  }
}

void check_value(const Option& /*option*/, const std::filesystem::path& /*value*/) {}

void check_value(const Option& option, const std::vector<int>& value) {
  for (const int each : value) check_number(option, each, std::to_string(each), " holds ");
}

void check_value(const Option& option, const std::vector<double>& value) {
  for (const double each : value) check_number(option, each, shortest(each), " holds ");
}

void check_value(const Option& option, const std::vector<LoraOptions>& value) {
  for (const LoraOptions& lora : value)
    if (!(std::abs(lora.weight) <= FLT_MAX))
      throw ArgumentError("the weight of the LoRA '" + lora.path.string() + "' is not a finite number",
                          option.name);
}

void check_values(const LoadOptions& options) {
  visit_options(options, [](const Option& option, const auto& value) { check_value(option, value); });
}

void check_values(const GenerateOptions& options) {
  visit_options(options, [](const Option& option, const auto& value) { check_value(option, value); });
}

}  // namespace sd35
