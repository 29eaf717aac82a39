#include "recipe_files.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <system_error>

#include "options/options.h"

namespace sd35::cli {
namespace {

namespace fs = std::filesystem;

bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::status(path, error).type() != fs::file_type::not_found;
}

// models/default beside the folder of the program, as it is built.
fs::path shipped_model() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  return error ? fs::path() : program.parent_path().parent_path().parent_path() / "models" / "default";
}

fs::path last_part(const fs::path& path) {
  return path.has_filename() ? path.filename() : path.parent_path().filename();
}

// Nothing where it cannot be opened.
std::optional<std::string> hash_of(const std::string& model, const LoadOptions& load) {
  try {
    return Model::open(model, load).hash();
  } catch (const Error&) {
    return std::nullopt;
  }
}

class RecipeFiles {
 public:
  RecipeFiles(const CLI::App& command, Recipe& recipe, const std::string& picture)
      : command_(command), recipe_(recipe), picture_(picture) {}

  std::vector<std::string> find() {
    visit_options(recipe_.load, *this);
    visit_options(recipe_.generate, *this);
    find_model();
    return std::move(warnings_);
  }

  template <class T>
  void operator()(const Option& option, T& value) {
    if (option.recorded && !is_given(long_argument_of(option))) find(option, value);
  }

 private:
  bool is_given(const std::string& argument) const {
    const CLI::Option* option = command_.get_option_no_throw(argument);
    return option != nullptr && option->count() > 0;
  }

  [[noreturn]] void fail(const std::string& what, const std::string& way_out) const {
    throw FileError(picture_ + ": it was drawn with " + what + ", which is not there; " + way_out, {},
                    picture_);
  }

  template <class T>
  void find(const Option& /*option*/, const T& /*value*/) const {}

  void find(const Option& option, fs::path& path) {
    if (path.empty()) return;
    const std::string argument = long_argument_of(option);
    if (!is_found(path))
      fail(argument + " '" + path.string() + "'", "say with " + argument + " where it lies now");
    const auto hash = recipe_.picture_hashes.find(std::string(option.name));
    if (hash != recipe_.picture_hashes.end() && hash->second != picture_hash({path}))
      warnings_.push_back("the picture '" + path.string() + "' is not the one that '" + picture_ +
                          "' was drawn from");
  }

  void find(const Option& option, std::vector<LoraOptions>& loras) {
    const std::string argument = long_argument_of(option);
    for (LoraOptions& lora : loras) {
      if (!is_found(lora.path) && !has_model(lora.path.string()))  // it may lie in the Hugging Face cache
        fail("the LoRA '" + lora.path.string() + "'",
             "say with " + argument + " FILE:" + shortest(lora.weight) + " where it lies now" +
                 (loras.size() > 1 ? ", and name the others too" : ""));
      const auto hash = recipe_.lora_hashes.find(last_part(lora.path).string());
      if (hash != recipe_.lora_hashes.end() && hash->second != file_hash(lora.path))
        warn_of("the LoRA '" + lora.path.string() + "'");
    }
  }

  // Where it says, or beside the picture.
  bool is_found(fs::path& path) const {
    if (is_there(path)) return true;
    const fs::path beside = fs::path(picture_).parent_path() / path;
    if (path.has_parent_path() || !is_there(beside)) return false;
    path = beside;
    return true;
  }

  void find_model() {
    if (is_given("--model")) {
      // One that cannot be opened says what is wrong when it is.
      const std::optional<std::string> hash = hash_of(recipe_.model, recipe_.load);
      if (hash && !recipe_.model_hash.empty() && hash != recipe_.model_hash) warn_of_model();
      return;
    }
    std::vector<std::string> candidates{recipe_.model};
    if (const char* model = std::getenv("SD35_MODEL"); model != nullptr && *model != '\0')
      candidates.emplace_back(model);
    candidates.push_back(shipped_model().string());
    std::erase_if(candidates, [](const std::string& model) { return model.empty() || !has_model(model); });
    const auto use = [&](const auto& is_it) {
      const auto found = std::ranges::find_if(candidates, is_it);
      if (found != candidates.end()) recipe_.model = *found;
      return found != candidates.end();
    };
    const std::string name = recipe_.model;
    if (!recipe_.model_hash.empty() &&
        use([&](const std::string& model) { return hash_of(model, recipe_.load) == recipe_.model_hash; }))
      return;
    if (!use([&](const std::string& model) { return model == name || last_part(model) == last_part(name); }))
      fail("the model '" + name + "'", "say with --model where it lies now");
    if (!recipe_.model_hash.empty()) warn_of_model();
  }

  void warn_of_model() { warn_of("the model '" + recipe_.model + "'"); }

  void warn_of(const std::string& what) {
    warnings_.push_back(what + " holds other weights than '" + picture_ + "' was drawn with");
  }

  const CLI::App& command_;
  Recipe& recipe_;
  const std::string& picture_;
  std::vector<std::string> warnings_;
};

}  // namespace

std::vector<std::string> find_files_of_recipe(const CLI::App& command, Recipe& recipe,
                                              const std::string& picture) {
  return RecipeFiles(command, recipe, picture).find();
}

}  // namespace sd35::cli
