#include "with_torch.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "sd35/sd35.h"

namespace sd35::cli {

namespace {

// The values that `option` has among the arguments.
std::vector<std::string> values_of(const std::string& option, const std::vector<std::string>& arguments) {
  std::vector<std::string> values;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == option && i + 1 < arguments.size()) values.push_back(arguments[i + 1]);
    if (arguments[i].starts_with(option + "=")) values.push_back(arguments[i].substr(option.size() + 1));
  }
  return values;
}

}  // namespace

bool want_torch(const std::vector<std::string>& arguments) {
  const auto is_unknown = [](const std::string& engine) { return !has_engine(engine); };
  const auto is_other = [](const std::string& device) { return device != "cpu"; };
  return (!arguments.empty() && arguments[0] == "train") ||
         std::ranges::any_of(values_of("--engine", arguments), is_unknown) ||
         std::ranges::any_of(values_of("--device", arguments), is_other);
}

#ifdef SD35_HAS_TORCH

void continue_with_torch() {}

#else

void continue_with_torch() {
  std::error_code error;
  const std::filesystem::path here = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return;
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::vector<std::string> arguments;
  for (std::string argument; std::getline(file, argument, '\0');) arguments.push_back(argument);
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  execv((here.parent_path() / "sd35-torch").c_str(), pointers.data());
}

#endif

}  // namespace sd35::cli
