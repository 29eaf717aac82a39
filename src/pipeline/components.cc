#include "pipeline/components.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>

#include "core/error.h"
#include "core/threads.h"
#include "lora/merge.h"
#include "mmdit/transformer.h"
#include "mmdit/widths.h"
#include "pipeline/adapters.h"
#include "pipeline/autoencode.h"
#include "pipeline/identity.h"
#include "vae/encoder_decoder.h"
#include "weights/load.h"
#include "weights/model/model_files.h"

namespace sd35 {
namespace {

template <class Config>
Config read_config(const ModelFiles& files, Component component) {
  return Config::from_json(files.config(component), files.config_location(component));
}

void check_transformer(const ModelFiles& files, const MmditConfig& config) {
  Transformer transformer(config);
  check_all_bound(*files.weights(Component::transformer),
                  [&](const Parameters& p) { transformer.parameters(p); });
}

std::shared_ptr<const WeightSource> check_vae(const ModelFiles& files, const VaeConfig& config) {
  auto weights = files.weights(Component::vae);
  check_autoencoder(config, *weights);
  return weights;
}

// What a person should know about the files that are used, each once.
std::vector<std::string> notes_of(const ModelFiles& files, const LoadOptions& options, bool use_t5) {
  std::vector<std::string> notes;
  const auto add = [&](const std::string& note) {
    if (std::ranges::find(notes, note) == notes.end()) notes.push_back(note);
  };
  if (options.use_t5 && files.without_t5())
    add(files.location() +
        ": the model was saved without T5 (model_index.json); the picture is drawn without it");
  for (const Component component : kComponents) {
    if (component == Component::text_encoder_3 && !use_t5) continue;
    files.weights(component, add);
    if (const std::string doubt = files.configuration(component).doubt; !doubt.empty()) add(doubt);
  }
  return notes;
}

// Has the weights of `files` updated as they are read.
void apply_loras(ModelFiles& files, const LoadOptions& options, const LoraTargets& targets,
                 std::vector<std::string>& warnings) {
  if (options.loras.empty()) return;
  const auto on_warning = [&](const std::string& warning) { warnings.push_back(warning); };
  const LoraUpdates all = LoraFiles().read(options.loras, targets, on_warning);
  for (const auto& [component, updates] : all)
    files.change_weights(component, [updates = updates](std::shared_ptr<const WeightSource> source) {
      return with_updates(std::move(source), updates);
    });
}

// The identity of everything an encoded prompt depends on except the texts and the engine.
std::string encoder_identity(const ModelFiles& files, const LoadOptions& options) {
  if (options.prompt_cache.empty()) return "";
  constexpr std::array kEncoders{Component::text_encoder, Component::text_encoder_2,
                                 Component::text_encoder_3};
  Identity identity;
  for (int i = 0; i < (options.use_t5 ? 3 : 2); ++i) {
    const Component encoder = kEncoders.at(static_cast<std::size_t>(i));
    const auto weights = files.weights(encoder);
    identity.add(files.config(encoder).dump());
    identity.add(*weights);
    identity.add_updates(*weights, options);
    identity.add_folder(files.tokenizer(i + 1));
  }
  return version() + " " + std::to_string(granted_threads(options.threads)) + " " + identity.text();
}

// The identity of the weights that are packed.
std::string transformer_identity(const ModelFiles& files, const LoadOptions& options) {
  if (options.packed.empty()) return "";
  const auto weights = files.weights(Component::transformer);
  Identity identity;
  identity.add(*weights);
  identity.add_updates(*weights, options);
  return identity.text();
}

// A LoRA may teach words that the model's own list lacks.
PromptVocabulary vocabulary_of(const nlohmann::json& extras, const Location& location,
                               const LoadOptions& options) {
  return options.loras.empty() ? PromptVocabulary::from_json(extras, location) : PromptVocabulary{};
}

std::vector<std::filesystem::path> weight_files(const ModelFiles& files, bool use_t5) {
  std::vector<std::filesystem::path> all;
  for (const Component component : kComponents) {
    if (component == Component::text_encoder_3 && !use_t5) continue;
    const auto weights = files.weights(component);
    std::set<std::filesystem::path> paths;
    for (const std::string& name : weights->names()) paths.insert(weights->find(name)->file->path());
    for (const std::filesystem::path& path : paths)
      if (std::ranges::find(all, path) == all.end()) all.push_back(path);
  }
  return all;
}

MeetingWidths widths_of(const PromptEncoder& encoder, const VaeConfig& vae) {
  MeetingWidths widths;
  widths.clip = encoder.layout().clip_width();
  widths.pooled = encoder.layout().pooled_width();
  if (encoder.has_t5()) widths.t5 = encoder.t5_width();
  widths.latent_channels = vae.latent_channels;
  return widths;
}

}  // namespace

Components open_components(const std::string& model, const LoadOptions& asked) {
  LoadOptions options = asked;
  ModelFiles files = ModelFiles::open(model, options.parts);
  files.check_named_tokenizers(options.use_t5);
  const std::string missing = files.missing_to_generate(options.use_t5);
  if (!missing.empty()) throw FileError(files.location() + " lacks " + missing, {}, files.location());

  options.use_t5 = asked.use_t5 && !files.without_t5();
  std::vector<std::string> warnings = notes_of(files, asked, options.use_t5);
  const auto transformer = read_config<MmditConfig>(files, Component::transformer);
  const auto vae = read_config<VaeConfig>(files, Component::vae);
  check_transformer(files, transformer);
  LoraTargets targets = lora_targets(files, options.use_t5);
  apply_loras(files, options, targets, warnings);
  const nlohmann::json extras = files.extras();
  const Location said = files.extras_location();
  const std::shared_ptr<const WeightSource> vae_weights = check_vae(files, vae);
  Components components{PromptEncoder(files, options.use_t5),
                        transformer,
                        vae,
                        SchedulerConfig::from_json(files.scheduler_config(), files.scheduler_location()),
                        files.weights(Component::transformer),
                        vae_weights,
                        has_encoder(*vae_weights),
                        std::move(targets),
                        encoder_identity(files, options),
                        transformer_identity(files, options),
                        weight_files(files, options.use_t5),
                        std::move(warnings),
                        vocabulary_of(extras, said, options),
                        trained_sides(extras, transformer, vae, said),
                        PreviewColours::from_json(extras, vae.latent_channels, said),
                        open_preview_autoencoder(options.preview_with, {vae, vae_weights}),
                        defaults_from_json(extras, transformer, vae, said)};
  check_widths(files.location_with_parts(), transformer, widths_of(components.prompt_encoder, vae));
  return components;
}

}  // namespace sd35
