#include "with_torch.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <system_error>

namespace sd35::cli {

bool want_torch(const std::vector<std::string>& arguments) {
  if (!arguments.empty() && arguments[0] == "train") return true;
  const auto engine = std::ranges::find(arguments, "--engine");
  return (engine != arguments.end() && engine + 1 != arguments.end() && engine[1] == "torch") ||
         std::ranges::find(arguments, "--engine=torch") != arguments.end();
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
