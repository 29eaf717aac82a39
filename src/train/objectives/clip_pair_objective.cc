#include "train/objectives/clip_pair_objective.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "ops/torch/torch_ops.h"
#include "train/model_folder.h"
#include "train/optimizers/initialization.h"
#include "train/samples/batches.h"

namespace sd35::train {
namespace {

constexpr std::string_view kImageTower = "image_tower", kLogitScale = "logit_scale";
constexpr std::int64_t kValidationPairs = 64;

struct Pairs {
  Tensor pictures;  // [B, 3, Y, X]
  std::vector<std::string> captions;
};

// A tower an eighth as wide as the text encoder.
std::int64_t tower_width(const ClipConfig& config) {
  return std::max<std::int64_t>(16, config.hidden_size / 64 * 8);
}

bool is_thrown_away(std::string_view name) { return name.starts_with(kImageTower) || name == kLogitScale; }

}  // namespace

ClipPairObjective::ClipPairObjective(const TrainConfig& config, const ModelFiles& files,
                                     const OnMessage& warn)
    : config_(config),
      files_(files),
      component_(config.clip.component == "text_encoder_2" ? Component::text_encoder_2
                                                           : Component::text_encoder),
      json_(files.config(component_)),
      text_(ClipConfig::from_json(json_, files.config_location(component_))),
      tokenizer_(ClipTokenizer::load(files.tokenizer(component_ == Component::text_encoder_2 ? 2 : 1))),
      image_tower_(tower_width(text_.config()), text_.config().projection_dim),
      pictures_(config.data, warn) {
  if (tokenizer_.vocab_size() > text_.config().vocab_size)
    throw FileError(files.config_location(component_) + ": vocab_size is " +
                        std::to_string(text_.config().vocab_size) + ", but the tokenizer has " +
                        std::to_string(tokenizer_.vocab_size()) + " tokens",
                    {}, files.config_location(component_).file);
  pictures_.dataset().check_captions(warn);
  if (!config.validation_data.empty())
    validation_ = std::make_unique<TrainingPictures>(config.validation_data, warn);
}

void ClipPairObjective::parameters(const Parameters& p) {
  text_.parameters(p);
  image_tower_.parameters(p.scope(kImageTower));
  p.tensor(kLogitScale, logit_scale_, {1}, ParameterKind::bias);
}

bool ClipPairObjective::stored(const ParameterSpec& spec) const {
  return !is_thrown_away(spec.names.front());
}

void ClipPairObjective::initialize(const ParameterSpec& spec, std::span<float> values,
                                   SampleRandom random) const {
  constexpr float first_temperature = 0.07f;
  if (spec.names.front() == kLogitScale)
    values[0] = -std::log(first_temperature);
  else
    initial_values(spec, values, random);
}

ContrastiveLoss ClipPairObjective::compare(const Ops& ops, const Tensor& pictures,
                                           const std::vector<std::string>& captions) const {
  // The model is causal: what comes after the longest text changes nothing.
  const auto most = static_cast<std::size_t>(text_.config().max_position_embeddings);
  std::size_t length = 0;
  for (const std::string& caption : captions)
    length = std::max(length, std::min(most, tokenizer_.encode(caption).size()));
  std::vector<std::int32_t> ids;
  std::vector<std::int64_t> identity;
  for (const std::string& caption : captions) {
    const Tokenized text = tokenizer_.encode(caption, static_cast<int>(length));
    ids.insert(ids.end(), text.ids.begin(), text.ids.end());
    identity.push_back(std::ranges::find(captions, caption) - captions.begin());
  }
  const Tensor texts =
      text_
          .forward(ops,
                   Tensor::from(
                       {static_cast<std::int64_t>(captions.size()), static_cast<std::int64_t>(length)}, ids),
                   tokenizer_.end_of_text(), text_.resident_layers())
          .pooled;
  const Tensor images = image_tower_.forward(ops, pictures);
  const at::Tensor image_features = to_torch(images);
  return contrastive_loss(to_torch(texts), image_features,
                          to_torch(logit_scale_).to(image_features.options().requires_grad(false)), identity);
}

PreparedBatch ClipPairObjective::prepare(MicroBatch& batch, const StepRandom& random) {
  std::vector<std::uint64_t> seeds, choices;
  for (std::size_t i = 0; i < batch.samples.size(); ++i) {
    SampleRandom draws = random.sample(batch.first + static_cast<std::int64_t>(i));
    seeds.push_back(static_cast<std::uint64_t>(draws.below(std::int64_t{1} << 32)));
    choices.push_back(static_cast<std::uint64_t>(draws.below(std::int64_t{1} << 32)));
  }
  Pairs pairs{pictures_.fitted(batch, {Crop::centre, config_.flip}, seeds), {}};
  for (std::size_t i = 0; i < choices.size(); ++i)
    pairs.captions.push_back(pictures_.dataset().caption(batch.samples[i], choices[i]));
  return pairs;
}

at::Tensor ClipPairObjective::loss(const Ops& ops, const PreparedBatch& batch,
                                   std::map<std::string, double>& figures) {
  const auto& [pictures, captions] = std::any_cast<const Pairs&>(batch);
  const ContrastiveLoss loss = compare(ops, pictures, captions);
  figures["accuracy"] = loss.accuracy;
  return loss.total;
}

double ClipPairObjective::validation_loss(const Ops& ops) {
  if (validation_ == nullptr) return std::nan("");
  const c10::NoGradGuard no_history;
  const int side = *std::ranges::max_element(config_.stages.back().resolutions);
  MicroBatch batch;
  const Tensor pictures = validation_->first_squares(kValidationPairs, side, batch);
  std::vector<std::string> captions;
  for (const std::int64_t sample : batch.samples)
    captions.push_back(validation_->dataset().caption(sample, 0));
  return compare(ops, pictures, captions).total.item<double>();
}

std::unique_ptr<Batches> ClipPairObjective::batches() const {
  return picture_batches(config_, pictures_.dataset());
}

void ClipPairObjective::write(const std::filesystem::path& run,
                              const std::map<std::string, Tensor>& weights) const {
  std::map<std::string, Tensor> kept;
  for (const auto& [name, value] : weights)
    if (!is_thrown_away(name)) kept.emplace(name, value);
  write_weights(run / "model", component_, kept);
  write_rest(run / "model", files_.location(), component_, json_);
}

}  // namespace sd35::train
