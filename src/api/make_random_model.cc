// Files and folders of a random model.
#include <filesystem>
#include <nlohmann/json.hpp>

#include "api/translated.h"
#include "core/atomic_file.h"
#include "core/config_file.h"
#include "core/error.h"
#include "core/messages.h"
#include "core/new_folder.h"
#include "core/progress.h"
#include "core/type_names.h"
#include "core/yielding.h"
#include "random_models/random_model.h"
#include "random_models/tiny_configs.h"
#include "random_models/tiny_tokenizers.h"
#include "sd35/sd35.h"
#include "text/tokenizers/clip_tokenizer.h"
#include "text/tokenizers/t5_tokenizer.h"
#include "weights/model/said_config.h"

namespace sd35 {
namespace {

namespace fs = std::filesystem;

constexpr const char* kConfigFiles[] = {"model_index.json",
                                        "scheduler/scheduler_config.json",
                                        "text_encoder/config.json",
                                        "text_encoder_2/config.json",
                                        "text_encoder_3/config.json",
                                        "transformer/config.json",
                                        "vae/config.json"};
constexpr const char* kTokenizers[] = {"tokenizer", "tokenizer_2", "tokenizer_3"};

// Makes the three tokenizers inside `folder`.
void put_tokenizers(const RandomModelOptions& options, const NewFolder& folder) {
  if (options.like.empty()) {
    write_tiny_tokenizers(folder / "");
    return;
  }
  for (const char* name : kTokenizers) folder.copy_files(options.like / name, name);
}

// The configuration files of the model, by path below its folder; `vocabulary` belongs to the tiny one.
std::map<std::string, nlohmann::ordered_json> read_configs(const RandomModelOptions& options,
                                                           const VocabularySizes& vocabulary) {
  if (options.like.empty()) return tiny_configs(vocabulary);
  std::map<std::string, nlohmann::ordered_json> configs;
  for (const char* name : kConfigFiles) configs[name] = read_json_file(options.like / name);
  return configs;
}

std::string file_name(Component component) {
  const bool diffusers = component == Component::transformer || component == Component::vae;
  return diffusers ? "diffusion_pytorch_model.safetensors" : "model.safetensors";
}

struct Description {
  std::map<std::string, nlohmann::ordered_json> configs;
  RandomModel model;
};

Description describe(const RandomModelOptions& options, const fs::path& tokenizers) {
  const VocabularySizes vocabulary{ClipTokenizer::load(tokenizers / kTokenizers[0]).vocab_size(),
                                   T5Tokenizer::load(tokenizers / kTokenizers[2]).vocab_size()};
  Description description;
  description.configs = read_configs(options, vocabulary);
  const std::map<std::string, nlohmann::json> configs(description.configs.begin(), description.configs.end());
  description.model =
      describe_model(configs, options.like.empty() ? "the tiny model" : options.like.string());
  return description;
}

DType weight_type(const RandomModelOptions& options) {
  return dtype_from_name(options.dtype, {DType::f32, DType::f16, DType::bf16});
}

// What the folders say, for a file that replaces all of them.
std::string said_by(const std::map<std::string, nlohmann::ordered_json>& configs) {
  std::map<std::string, nlohmann::json> said;
  for (const auto& [path, json] : configs)
    if (const std::string folder = fs::path(path).parent_path().string(); !folder.empty())
      said[folder] = json;
  return text_of_configs(said);
}

void check(const RandomModelOptions& options) {
  if (options.size != "tiny" && options.size != "medium")
    throw ArgumentError("unknown size '" + options.size + "' of a random model; known: tiny, medium");
  if (options.size == "medium" && options.like.empty())
    throw ArgumentError(
        "a random model of size medium needs a folder with its configurations and tokenizers");
  if (options.layout != "diffusers" && options.layout != "single")
    throw ArgumentError("unknown layout '" + options.layout +
                        "' of a random model; known: diffusers, single");
  weight_type(options);
}

// The model in a folder of its own.
void make_folder(const RandomModelOptions& options, const fs::path& output, const StageProgress& progress) {
  NewFolder folder(output);
  put_tokenizers(options, folder);
  const Description made = describe(options, folder / "");
  for (const auto& [name, json] : made.configs) folder.write(name, json.dump(2) + "\n");
  RandomWriter writer(made.model, options.seed, weight_type(options), element_count(made.model),
                      [&](double fraction) { progress.report(fraction); });
  for (const auto& [component, tensors] : made.model.components)
    writer.write(folder / std::string(folder_of(component)) / file_name(component), component_file(tensors));
  folder.commit();
}

// The model as one file, beside a folder `tokenizers`.
void make_single(const RandomModelOptions& options, const fs::path& output, const StageProgress& progress) {
  const fs::path tokenizers = output.parent_path() / "tokenizers";
  refuse_existing(output);
  std::error_code ignored;
  if (fs::exists(tokenizers, ignored))
    throw ArgumentError(in_quotes(tokenizers.string()) + " exists already; name a file in a new folder");
  NewFolder folder(tokenizers);
  put_tokenizers(options, folder);
  const Description made = describe(options, folder / "");
  RandomWriter writer(made.model, options.seed, weight_type(options), element_count(made.model),
                      [&](double fraction) { progress.report(fraction); });
  // The owner of the new folder writes the file.
  writer.write(output, single_file(made.model), {{std::string(kConfigKey), said_by(made.configs)}},
               [&] { folder.commit(); });
}

}  // namespace

void make_random_model(const RandomModelOptions& options, const std::filesystem::path& output,
                       const Callbacks& callbacks) {
  translated(callbacks, [&](const Callbacks& watched) {
    check(options);
    const StageProgress progress(watched, "random weights");
    const YieldWhenBusy yielding;
    if (options.layout == "single")
      make_single(options, output, progress);
    else
      make_folder(options, output, progress);
  });
}

}  // namespace sd35
