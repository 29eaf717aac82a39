#include "core/error.h"
#include "train/growth.h"
#include "train/objectives/autoencoder_objective.h"
#include "train/objectives/clip_pair_objective.h"
#include "train/objectives/lora_objective.h"
#include "train/objectives/objective.h"
#include "train/objectives/span_denoising_objective.h"
#include "train/objectives/transformer_objective.h"
#include "train/train_config.h"

namespace sd35::train {

Component trained_component(const TrainConfig& config) {
  switch (config.task) {
    case Task::transformer:
    case Task::lora:
      return Component::transformer;
    case Task::autoencoder:
      return Component::vae;
    case Task::clip:
      return config.clip.component == "text_encoder_2" ? Component::text_encoder_2 : Component::text_encoder;
    case Task::t5:
      return Component::text_encoder_3;
  }
  throw Error("unknown task");
}

namespace {

// From now on the weights are those of the grown component; its objective reads grown_config().
void grow(ModelFiles& files, Component component, const Growth& growth) {
  files.change_weights(component, [config = files.configuration(component), growth,
                                   component](std::shared_ptr<const WeightSource> old) {
    return grown_weights(growth, component, config, *old);
  });
}

}  // namespace

ObjectiveAndWeights make_objective(const TrainConfig& config, const std::filesystem::path& run,
                                   const OnMessage& warn) {
  ModelFiles files = ModelFiles::open(config.model);
  if (config.grow) grow(files, trained_component(config), *config.grow);
  const std::filesystem::path cache = config.flow.cache.empty() ? run / "cache" : config.flow.cache;
  ObjectiveAndWeights made;
  if (!config.from_scratch) made.weights = files.weights(trained_component(config), warn);
  switch (config.task) {
    case Task::transformer:
      made.objective = std::make_unique<TransformerObjective>(config, files, cache, warn);
      break;
    case Task::lora:
      made.objective = std::make_unique<LoraObjective>(config, files, cache, warn);
      break;
    case Task::autoencoder:
      made.objective = std::make_unique<AutoencoderObjective>(config, files, warn);
      break;
    case Task::clip:
      made.objective = std::make_unique<ClipPairObjective>(config, files, warn);
      break;
    case Task::t5:
      made.objective = std::make_unique<SpanDenoisingObjective>(config, files, warn);
      break;
  }
  return made;
}

}  // namespace sd35::train
