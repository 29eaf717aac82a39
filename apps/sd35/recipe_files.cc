#include "recipe_files.h"

#include <filesystem>
#include <system_error>
#include <vector>

#include "options/options.h"

namespace sd35::cli {
namespace {

namespace fs = std::filesystem;

bool is_missing(const fs::path& path) {
  std::error_code error;
  return fs::status(path, error).type() == fs::file_type::not_found;
}

// Visits the options of a recipe.
class FileCheck {
 public:
  FileCheck(const CLI::App& command, const std::string& picture) : command_(command), picture_(picture) {}

  template <class T>
  void operator()(const Option& option, const T& value) const {
    if (option.recorded && !is_given(long_argument_of(option))) check(long_argument_of(option), value);
  }

  bool is_given(const std::string& argument) const {
    const CLI::Option* option = command_.get_option_no_throw(argument);
    return option != nullptr && option->count() > 0;
  }

  [[noreturn]] void fail(const std::string& what, const std::string& way_out) const {
    throw FileError(picture_ + ": it was drawn with " + what + ", which is not there; " + way_out);
  }

 private:
  template <class T>
  void check(const std::string& /*argument*/, const T& /*value*/) const {}

  void check(const std::string& argument, const fs::path& path) const {
    if (!path.empty() && is_missing(path))
      fail(argument + " '" + path.string() + "'", "say with " + argument + " where it lies now");
  }

  void check(const std::string& argument, const std::vector<LoraOptions>& loras) const {
    for (const LoraOptions& lora : loras)
      if (is_missing(lora.path))
        fail("the LoRA '" + lora.path.string() + "'",
             "say with " + argument + " FILE:" + shortest(lora.weight) + " where it lies now" +
                 (loras.size() > 1 ? ", and name the others too" : ""));
  }

  const CLI::App& command_;
  const std::string& picture_;
};

}  // namespace

void check_files_of_recipe(const CLI::App& command, const Recipe& recipe, const std::string& picture) {
  const FileCheck check(command, picture);
  if (!check.is_given("--model") && !has_model(recipe.model))
    check.fail("the model '" + recipe.model + "'", "say with --model where it lies now");
  visit_options(recipe.load, check);
  visit_options(recipe.generate, check);
}

}  // namespace sd35::cli
