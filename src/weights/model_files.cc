#include "weights/model_files.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "core/error.h"
#include "core/messages.h"
#include "weights/component_weights.h"
#include "weights/config_file.h"
#include "weights/derived_config.h"
#include "weights/hub_cache.h"
#include "weights/tokenizer_folder.h"

namespace sd35 {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kWhereToGet =
    "get Stable Diffusion 3.5 Medium from https://huggingface.co/stabilityai/stable-diffusion-3.5-medium "
    "(accept the "
    "Stability AI Community License there, then run: huggingface-cli download "
    "stabilityai/stable-diffusion-3.5-medium)";

// Weight files of a component's folder, the best first; variants only where nothing else is.
std::vector<std::string> weight_names(Component component) {
  const bool diffusers = component == Component::transformer || component == Component::vae;
  const std::string stem = diffusers ? "diffusion_pytorch_model" : "model";
  std::vector<std::string> names = {stem + ".safetensors", stem + ".safetensors.index.json"};
  for (const char* variant : {".fp16", ".bf16"}) {
    names.push_back(std::string(stem).append(variant).append(".safetensors"));
    names.push_back(std::string(stem).append(".safetensors.index").append(variant).append(".json"));
  }
  return names;
}

// `path` where it exists, else nothing.
fs::path existing(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error) ? path : fs::path();
}

fs::path find_weights(Component component, const fs::path& folder) {
  for (const std::string& name : weight_names(component))
    if (fs::path path = existing(folder / name); !path.empty()) return path;
  return {};
}

bool is_folder(const fs::path& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

void check_pipeline_class(const fs::path& index) {
  const nlohmann::json json = read_json_file(index);
  const std::string name = ConfigReader(json, index.string()).text("_class_name");
  if (!name.starts_with("StableDiffusion3"))
    throw FileError(index.string() + ": a model for " + in_quotes(name) +
                    "; only StableDiffusion3Pipeline is supported: " + std::string(kWhereToGet));
}

TokenizerKind tokenizer_kind(int number) { return number == 3 ? TokenizerKind::t5 : TokenizerKind::clip; }

std::string tokenizer_folder(int number) {
  return number == 1 ? "tokenizer" : "tokenizer_" + std::to_string(number);
}

}  // namespace

ModelFiles ModelFiles::open(const std::string& model, const ExtraFiles& extra) {
  fs::path path = existing(model);
  if (path.empty())
    if (const auto cached = find_in_hub_cache(model)) path = *cached;
  if (path.empty())
    throw FileError("no model " + in_quotes(model) + ": no such file or folder" +
                    (is_hub_name(model) ? ", and none of this name in the Hugging Face cache" : "") + "; " +
                    std::string(kWhereToGet));
  ModelFiles files;
  files.location_ = path.string();
  if (is_folder(path))
    files.open_folder(path);
  else
    files.open_single_file(path);
  files.add_extra(Component::text_encoder, extra.clip_l);
  files.add_extra(Component::text_encoder_2, extra.clip_g);
  files.add_extra(Component::text_encoder_3, extra.t5xxl);
  files.add_extra(Component::transformer, extra.transformer);
  files.add_extra(Component::vae, extra.vae);
  if (!extra.tokenizers.empty()) {
    if (!is_folder(extra.tokenizers))
      throw FileError("tokenizers: '" + extra.tokenizers.string() +
                      "' is no folder; it must hold tokenizer, tokenizer_2 and tokenizer_3");
    files.tokenizers_ = extra.tokenizers;
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
  if (index.empty())
    throw FileError("'" + folder.string() +
                    "' holds no model_index.json, so it is no model in the diffusers layout; " +
                    std::string(kWhereToGet));
  check_pipeline_class(index);
  for (const Component component : kComponents) {
    const fs::path below = folder / folder_of(component);
    part(component) = {find_weights(component, below), below / "config.json", false};
  }
  scheduler_ = existing(folder / "scheduler" / "scheduler_config.json");
  extras_ = existing(folder / "sd35.json");
  tokenizers_ = folder;
}

void ModelFiles::open_single_file(const fs::path& file) {
  single_file_ = true;
  const std::vector<Component> found = components_of(read_weight_file(file), location_);
  if (found.empty())
    throw FileError(
        location_ +
        ": no tensor is below 'model.diffusion_model.', so it is no checkpoint in the original layout; "
        "name the folder of a model or a file like sd3.5_medium.safetensors");
  for (const Component component : found) part(component) = {file, {}, true};
  tokenizers_ = file.parent_path();
}

void ModelFiles::add_extra(Component component, const fs::path& path) {
  if (path.empty()) return;
  if (is_folder(path)) {
    part(component) = {find_weights(component, path), existing(path / "config.json"), false};
    if (!has(component))
      throw FileError("'" + path.string() + "' holds no " + weight_names(component).front());
    return;
  }
  const StoredTensors tensors = read_weight_file(path);
  const std::string prefix(original_prefix(component));
  const auto first = tensors.lower_bound(prefix);
  part(component) = {path, {}, first != tensors.end() && first->first.starts_with(prefix)};
}

bool ModelFiles::has(Component component) const { return !part(component).weights.empty(); }

std::shared_ptr<const WeightSource> ModelFiles::weights(Component component) const {
  if (!has(component))
    throw FileError(location_ + ": the weights of " + std::string(folder_of(component)) + " are missing; " +
                    std::string(kWhereToGet));
  const Part& from = part(component);
  auto source =
      component_weights(component, read_weight_file(from.weights), from.original, from.weights.string());
  const WeightChange& change = changes_[static_cast<std::size_t>(component)];
  return change ? change(std::move(source)) : source;
}

nlohmann::json ModelFiles::config(Component component) const {
  const Part& from = part(component);
  return from.config.empty() ? derive_config(component, *weights(component)) : read_json_file(from.config);
}

std::string ModelFiles::config_location(Component component) const {
  const Part& from = part(component);
  return from.config.empty() ? from.weights.string() : from.config.string();
}

nlohmann::json ModelFiles::scheduler_config() const {
  return scheduler_.empty() ? default_scheduler_config() : read_json_file(scheduler_);
}

nlohmann::json ModelFiles::extras() const {
  return extras_.empty() ? nlohmann::json::object() : read_json_file(extras_);
}

fs::path ModelFiles::tokenizer(int number) const {
  fs::path folder = tokenizers_ / tokenizer_folder(number);
  const std::string missing = missing_tokenizer_file(tokenizer_kind(number), folder, folder);
  if (!missing.empty())
    throw FileError(missing + " is missing; name a folder with tokenizer, tokenizer_2 and tokenizer_3 by " +
                    "--tokenizers, or " + std::string(kWhereToGet));
  return folder;
}

std::string ModelFiles::missing_to_generate(bool use_t5) const {
  std::string list;
  const auto add = [&](const std::string& what) { list += (list.empty() ? "" : ", ") + what; };
  for (const Component component : kComponents) {
    if (component == Component::text_encoder_3 && !use_t5) continue;
    const std::string name(folder_of(component));
    if (!has(component))
      add(single_file_ ? "the weights of " + name : name + "/" + weight_names(component).front());
    if (!part(component).config.empty() && existing(part(component).config).empty())
      add(name + "/config.json");
  }
  for (int number = 1; number <= (use_t5 ? 3 : 2); ++number) {
    const std::string folder = tokenizer_folder(number);
    const std::string missing = missing_tokenizer_file(tokenizer_kind(number), tokenizers_ / folder, folder);
    if (!missing.empty()) add(missing);
  }
  if (list.empty()) return "";
  const std::string extra =
      single_file_
          ? "name them as clip_l, clip_g, t5xxl (text_encoders/*.safetensors), vae and tokenizers, or "
          : "";
  return list + "; " + extra + std::string(kWhereToGet);
}

}  // namespace sd35
