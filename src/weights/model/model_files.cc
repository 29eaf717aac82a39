#include "weights/model/model_files.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "core/config_file.h"
#include "core/error.h"
#include "core/messages.h"
#include "weights/layouts/component_weights.h"
#include "weights/layouts/find_component.h"
#include "weights/model/derived_config.h"
#include "weights/model/download_advice.h"
#include "weights/model/folder_files.h"
#include "weights/model/hub_cache.h"
#include "weights/model/said_config.h"
#include "weights/model/tokenizer_folder.h"

namespace sd35 {
namespace {

namespace fs = std::filesystem;

// `path` where it exists, else nothing.
fs::path existing(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error) ? path : fs::path();
}

bool is_folder(const fs::path& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

void check_pipeline_class(const nlohmann::json& index, const fs::path& path) {
  const std::string name = ConfigReader(index, path.string()).text("_class_name");
  if (!name.starts_with("StableDiffusion3"))
    throw FileError(path.string() + ": a model for " + in_quotes(name) +
                        "; only StableDiffusion3Pipeline is supported: " + std::string(kWhereToGet),
                    {}, path);
}

// [null, null]: the pipeline was saved without this part.
bool is_null(const nlohmann::json& index, const char* part) {
  const auto found = index.find(part);
  return found != index.end() &&
         (found->is_null() || (found->is_array() && !found->empty() && found->front().is_null()));
}

// The two CLIPs are alike: a file that says it is the other one was named as the wrong one.
void check_which_clip(Component component, const std::map<std::string, nlohmann::json>& said,
                      const fs::path& path) {
  constexpr Component kClips[] = {Component::text_encoder, Component::text_encoder_2};
  for (const Component clip : kClips) {
    const Component other = kClips[clip == kClips[0] ? 1 : 0];
    if (component == clip && !said.contains(std::string(folder_of(clip))) &&
        said.contains(std::string(folder_of(other))))
      throw FileError(path.string() + ": it is " + std::string(folder_of(other)) + "; name it as " +
                          std::string(option_of(other)),
                      {}, path);
  }
}

TokenizerKind tokenizer_kind(int number) { return number == 3 ? TokenizerKind::t5 : TokenizerKind::clip; }

std::string tokenizer_folder(int number) {
  return number == 1 ? "tokenizer" : "tokenizer_" + std::to_string(number);
}

}  // namespace

ModelFiles ModelFiles::open(const std::string& model, const ModelParts& named) {
  fs::path path = existing(model);
  if (path.empty())
    if (const auto cached = find_in_hub_cache(model)) path = *cached;
  if (path.empty())
    throw FileError("no model " + in_quotes(model) + ": no such file or folder" +
                        (is_hub_name(model) ? ", and none of this name in the Hugging Face cache" : "") +
                        "; " + std::string(kWhereToGet),
                    {}, model);
  ModelFiles files;
  files.location_ = path.string();
  if (is_folder(path))
    files.open_folder(path);
  else
    files.open_single_file(path);
  const auto add = [&files](Component component, const fs::path& part, std::string_view option) {
    try {
      files.add_extra(component, part);
    } catch (...) {
      rethrow_about(option);
    }
  };
  add(Component::text_encoder, named.clip_l, "clip_l");
  add(Component::text_encoder_2, named.clip_g, "clip_g");
  add(Component::text_encoder_3, named.t5xxl, "t5xxl");
  add(Component::transformer, named.transformer, "transformer");
  add(Component::vae, named.vae, "vae");
  if (!named.tokenizers.empty()) {
    if (!is_folder(named.tokenizers))
      throw FileError("tokenizers: '" + named.tokenizers.string() +
                          "' is not a folder; it must hold tokenizer, tokenizer_2 and tokenizer_3",
                      "tokenizers", named.tokenizers);
    files.tokenizers_ = named.tokenizers;
    files.tokenizers_named_ = true;
  }
  return files;
}

ModelFiles ModelFiles::open_part(Component component, const fs::path& path) {
  ModelFiles files;
  files.location_ = path.string();
  files.add_extra(component, path);
  return files;
}

void ModelFiles::open_folder(const fs::path& folder) {
  const fs::path index = existing(folder / "model_index.json");
  if (index.empty()) {
    const std::string other = other_folder(folder);
    throw FileError("'" + folder.string() +
                        "' holds no model_index.json, so it is not a model in the diffusers layout; " +
                        (other.empty() ? std::string(kWhereToGet) : other),
                    {}, folder);
  }
  const nlohmann::json json = read_json_file(index);
  check_pipeline_class(json, index);
  for (const Component component : kComponents) {
    const fs::path below = folder / folder_of(component);
    part(component).weights = find_weights(component, below);
    part(component).config = below / "config.json";
  }
  without_t5_ = is_null(json, "text_encoder_3") && !has(Component::text_encoder_3);
  scheduler_ = existing(folder / "scheduler" / "scheduler_config.json");
  extras_ = existing(folder / "sd35.json");
  tokenizers_ = folder;
}

void ModelFiles::open_single_file(const fs::path& file) {
  single_file_ = true;
  const WeightFile& read = *opened(file);
  const ComponentPrefixes found = find_components(read.tensors);
  if (found.empty())
    throw FileError(location_ + ": no part of Stable Diffusion 3.5 is in it; it seems to hold " +
                        likely_content(read.tensors) +
                        "; a model is a folder or a file like sd3.5_medium.safetensors",
                    {}, location_);
  said_ = said_configs(read.metadata, location_);
  for (const auto& [component, prefix] : found) {
    part(component).weights = file;
    if (const auto said = said_.find(std::string(folder_of(component))); said != said_.end())
      part(component).own = said->second;
  }
  tokenizers_ = file.parent_path();
}

void ModelFiles::add_extra(Component component, const fs::path& path) {
  if (path.empty()) return;
  named_ += (named_.empty() ? " with " : ", ") + std::string(option_of(component)) + " " + path.string();
  Part& to = part(component);
  to.named = true;
  to.own = nullptr;
  to.config = existing(to.config);
  if (component == Component::text_encoder_3) without_t5_ = false;
  if (is_folder(path)) {
    to.weights = find_weights(component, path);
    if (!has(component))
      throw FileError(
          "'" + path.string() + "' holds no " + weight_name(component) + in_place_of_weights(path), {}, path);
    if (const fs::path config = existing(path / "config.json"); !config.empty()) {
      to.config = config;
      to.named = false;
    }
    return;
  }
  const WeightFile& read = *opened(path);
  find_component(component, read.tensors, path.string());
  to.weights = path;
  const std::map<std::string, nlohmann::json> said = said_configs(read.metadata, path.string());
  check_which_clip(component, said, path);
  for (const auto& [name, json] : said) {
    if (name == folder_of(component)) to.own = json;
    // The shift belongs to the transformer that was trained with it, and so do the words.
    if (component == Component::transformer && (name == "scheduler" || name == "sd35"))
      said_.emplace(name, json);
  }
}

const std::shared_ptr<const WeightFile>& ModelFiles::opened(const fs::path& path) const {
  std::shared_ptr<const WeightFile>& file = opened_[path];
  if (file == nullptr) file = open_weight_file(path);
  return file;
}

bool ModelFiles::has(Component component) const { return !part(component).weights.empty(); }

std::shared_ptr<const WeightSource> ModelFiles::weights(Component component,
                                                        const WarningFunction& warn) const {
  if (!has(component))
    throw FileError(location_ + ": the weights of " + std::string(folder_of(component)) + " are missing; " +
                        std::string(kWhereToGet),
                    {}, location_);
  const Part& from = part(component);
  const auto file = opened(from.weights);
  if (warn)
    for (const std::string& warning : file->warnings) warn(warning);
  auto source = component_weights(component, file, from.weights.string(), warn);
  const WeightChange& change = changes_[static_cast<std::size_t>(component)];
  return change ? change(std::move(source)) : source;
}

ComponentConfig ModelFiles::configuration(Component component) const {
  const Part& from = part(component);
  const std::string file = from.weights.string();
  if (!from.own.is_null())
    return {from.own, {file + " (metadata '" + std::string(kConfigKey) + "')", file}, true, ""};
  if (!from.config.empty() && !from.named)
    return {read_json_file(from.config), from.config.string(), true, ""};
  const Location derived(
      file + " (it carries no configuration: what shapes do not show is taken from Stable Diffusion 3.5)",
      file);
  const auto said = said_.find(std::string(folder_of(component)));
  if (from.config.empty() && said == said_.end())
    return {derive_config(component, *weights(component)), derived, false, ""};
  const std::string said_by = from.config.empty() ? location_ : from.config.string();
  FittedConfig fitted = fit_config(component, *weights(component),
                                   from.config.empty() ? said->second : read_json_file(from.config), said_by);
  return {std::move(fitted.json), fitted.said ? Location(said_by) : derived, fitted.said,
          std::move(fitted.doubt)};
}

bool ModelFiles::says_scheduler() const { return !scheduler_.empty() || said_.contains("scheduler"); }

nlohmann::json ModelFiles::scheduler_config() const {
  if (!scheduler_.empty()) return read_json_file(scheduler_);
  const auto said = said_.find("scheduler");
  return said == said_.end() ? default_scheduler_config() : said->second;
}

nlohmann::json ModelFiles::extras() const {
  if (!extras_.empty()) return read_json_file(extras_);
  const auto said = said_.find("sd35");
  return said == said_.end() ? nlohmann::json::object() : said->second;
}

Location ModelFiles::scheduler_location() const {
  return {location_, scheduler_.empty() ? fs::path(location_) : scheduler_};
}

Location ModelFiles::extras_location() const {
  return {location_ + ", sd35.json", extras_.empty() ? fs::path(location_) : extras_};
}

fs::path ModelFiles::tokenizer(int number) const {
  fs::path folder = tokenizers_ / tokenizer_folder(number);
  const std::string missing = missing_tokenizer_file(tokenizer_kind(number), folder, folder);
  if (!missing.empty())
    throw FileError(missing + " is missing; name a folder with tokenizer, tokenizer_2 and tokenizer_3 by " +
                        "--tokenizers, or " + std::string(kWhereToGet),
                    {}, folder);
  return folder;
}

void ModelFiles::check_named_tokenizers(bool use_t5) const {
  if (!tokenizers_named_) return;
  std::string list;
  for (int number = 1; number <= (use_t5 && !without_t5_ ? 3 : 2); ++number) {
    const std::string folder = tokenizer_folder(number);
    const std::string missing = missing_tokenizer_file(tokenizer_kind(number), tokenizers_ / folder, folder);
    if (!missing.empty()) list += (list.empty() ? "" : ", ") + missing;
  }
  if (!list.empty())
    throw FileError("tokenizers: '" + tokenizers_.string() + "' lacks " + list +
                        "; it must hold tokenizer, tokenizer_2 and tokenizer_3, as a model's folder does",
                    "tokenizers", tokenizers_);
}

// What to call the weights that are missing, and what lies in their place.
std::string ModelFiles::missing_weights(Component component) const {
  const std::string name(folder_of(component));
  if (single_file_) return "the weights of " + name;
  return name + "/" + weight_name(component) + in_place_of_weights(fs::path(location_) / name);
}

std::string ModelFiles::missing_to_generate(bool use_t5) const {
  use_t5 = use_t5 && !without_t5_;
  std::string list, options;
  bool only_t5 = true;
  const auto add = [&](const std::string& what, bool of_t5, std::string_view option) {
    list += (list.empty() ? "" : ", ") + what;
    only_t5 &= of_t5;
    if (options.find(option) == options.npos) options += (options.empty() ? "" : ", ") + std::string(option);
  };
  for (const Component component : kComponents) {
    const bool of_t5 = component == Component::text_encoder_3;
    if (of_t5 && !use_t5) continue;
    if (!has(component)) add(missing_weights(component), of_t5, option_of(component));
    const Part& from = part(component);
    if (!from.config.empty() && existing(from.config).empty())
      add(std::string(folder_of(component)) + "/config.json", of_t5, option_of(component));
  }
  for (int number = 1; number <= (use_t5 ? 3 : 2); ++number) {
    const std::string folder = tokenizer_folder(number);
    const std::string missing = missing_tokenizer_file(tokenizer_kind(number), tokenizers_ / folder, folder);
    if (!missing.empty()) add(missing, number == 3, "--tokenizers");
  }
  if (list.empty()) return "";
  if (single_file_ && options == "--tokenizers")
    return list + "; name a folder that has them, such as the model's this file was made of, as --tokenizers";
  std::string advice;
  if (single_file_) advice = "name them as " + options + ", or ";
  if (only_t5) advice = "--no-t5 draws without T5; to draw with it, " + advice;
  return list + "; " + advice + std::string(kWhereToGet);
}

}  // namespace sd35
