// Refuses values that no model can work with.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "options/option.h"
#include "sd35/sd35.h"

namespace sd35 {

// Each throws ArgumentError whose option() is the option's name, for a number out of range or infinite and
// for a word that is not one of the choices. Whether files exist, and what depends on a model, is not
// checked.
void check_value(const Option& option, bool value);
void check_value(const Option& option, int value);
void check_value(const Option& option, std::uint64_t value);
void check_value(const Option& option, double value);
void check_value(const Option& option, const std::string& value);
void check_value(const Option& option, const std::filesystem::path& value);
void check_value(const Option& option, const std::vector<int>& value);
void check_value(const Option& option, const std::vector<double>& value);
void check_value(const Option& option, const std::vector<LoraOptions>& value);
template <class T>
void check_value(const Option& option, const std::optional<T>& value) {
  if (value) check_value(option, *value);
}

// All of them.
void check_values(const LoadOptions& options);
void check_values(const GenerateOptions& options);

}  // namespace sd35
