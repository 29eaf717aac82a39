#include "tests/support/stages.h"

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <span>
#include <utility>

#include "core/buffer_pool.h"
#include "mmdit/quantization.h"
#include "mmdit/transformer.h"
#include "text/clip_text_model.h"
#include "text/t5_encoder.h"
#include "vae/autoencoder.h"
#include "vae/tiling.h"
#include "weights/load.h"

namespace sd35 {
namespace {

// The numbers N of the inputs "stage/N/...".
std::set<int> cases(const NamedTensors& inputs, const std::string& stage) {
  std::set<int> numbers;
  for (const auto& [name, tensor] : inputs)
    if (name.starts_with(stage + "/")) numbers.insert(std::stoi(name.substr(stage.size() + 1)));
  return numbers;
}

std::string at(const std::string& stage, int number) { return stage + "/" + std::to_string(number) + "/"; }

// A model with all its weights bound.
template <class Model>
void load_all(Model& model, const ModelFiles& files, Component component, const Ops& ops,
              const std::string& below = "", Quantization quantization = {}) {
  const auto source = files.weights(component);
  Loader loader(*source, ops, Reuse::many, std::move(quantization));
  model.parameters(Parameters(loader, below));
}

void run_clip(const ModelFiles& files, const Ops& ops, const NamedTensors& inputs, const std::string& stage,
              Component component, NamedTensors& outputs) {
  const std::set<int> numbers = cases(inputs, stage);
  if (numbers.empty()) return;
  ClipTextModel model(ClipConfig::from_json(files.config(component), stage));
  load_all(model, files, component, ops);
  for (const int n : numbers) {
    const Tensor& ids = inputs.at(at(stage, n) + "ids");
    const std::int32_t end_of_text = static_cast<std::int32_t>(model.config().vocab_size) - 1;
    const ClipOutput output = model.forward(ops, ids, end_of_text, model.resident_layers());
    outputs[at(stage, n) + "hidden"] = output.hidden;
    outputs[at(stage, n) + "pooled"] = output.pooled;
  }
}

void run_t5(const ModelFiles& files, const Ops& ops, const NamedTensors& inputs, NamedTensors& outputs) {
  const std::set<int> numbers = cases(inputs, "t5");
  if (numbers.empty()) return;
  T5Encoder model(T5Config::from_json(files.config(Component::text_encoder_3), "t5"));
  const auto source = files.weights(Component::text_encoder_3);
  Loader loader(*source, ops, Reuse::once);
  model.outer_parameters(Parameters(loader));
  const LayerProvider<T5Layer> streamed = [&](int index) {
    auto layer = std::make_shared<T5Layer>();
    layer->parameters(model.config(), T5Encoder::layer_scope(Parameters(loader), index));
    return layer;
  };
  for (const int n : numbers)
    outputs[at("t5", n) + "hidden"] = model.forward(ops, inputs.at(at("t5", n) + "ids"), streamed);
}

void run_transformer(const ModelFiles& files, const Ops& ops, const NamedTensors& inputs,
                     WeightFormat weights, NamedTensors& outputs) {
  const std::set<int> numbers = cases(inputs, "transformer");
  if (numbers.empty()) return;
  Transformer model(MmditConfig::from_json(files.config(Component::transformer), "transformer"));
  load_all(model, files, Component::transformer, ops, "", {weights, is_quantized});
  for (const int n : numbers) {
    const std::string prefix = at("transformer", n);
    const auto timesteps = inputs.at(prefix + "timesteps").floats();
    TransformerInput input;
    input.latents = inputs.at(prefix + "latents");
    input.timesteps.assign(timesteps.begin(), timesteps.end());
    input.prompt_embedding = inputs.at(prefix + "prompt_embedding");
    input.pooled_projection = inputs.at(prefix + "pooled_projection");
    if (const auto skip = inputs.find(prefix + "skip_layers"); skip != inputs.end())
      input.skip_layers = {skip->second.data<std::int32_t>(), static_cast<std::size_t>(skip->second.numel())};
    outputs[prefix + "velocity"] = model.forward(ops, input);
  }
}

void run_vae(const ModelFiles& files, const Ops& ops, const NamedTensors& inputs, NamedTensors& outputs) {
  const VaeConfig config = VaeConfig::from_json(files.config(Component::vae), "vae");
  VaeDecoder decoder(config);
  VaeEncoder encoder(config);
  if (!cases(inputs, "vae_decode").empty() || !cases(inputs, "vae_tiled").empty())
    load_all(decoder, files, Component::vae, ops, "decoder.");
  if (!cases(inputs, "vae_encode").empty()) load_all(encoder, files, Component::vae, ops, "encoder.");
  for (const int n : cases(inputs, "vae_decode"))
    outputs[at("vae_decode", n) + "picture"] =
        decoder.forward(ops, inputs.at(at("vae_decode", n) + "latents"), trim_pool);
  for (const int n : cases(inputs, "vae_tiled"))
    outputs[at("vae_tiled", n) + "picture"] =
        decode_tiled(ops, config, decoder, inputs.at(at("vae_tiled", n) + "latents"));
  for (const int n : cases(inputs, "vae_encode"))
    outputs[at("vae_encode", n) + "moments"] =
        encoder.forward(ops, inputs.at(at("vae_encode", n) + "picture"));
}

}  // namespace

NamedTensors run_stages(const ModelFiles& files, const Ops& ops, const NamedTensors& inputs,
                        WeightFormat transformer_weights) {
  NamedTensors outputs;
  run_clip(files, ops, inputs, "clip_l", Component::text_encoder, outputs);
  run_clip(files, ops, inputs, "clip_g", Component::text_encoder_2, outputs);
  run_t5(files, ops, inputs, outputs);
  run_transformer(files, ops, inputs, transformer_weights, outputs);
  run_vae(files, ops, inputs, outputs);
  return outputs;
}

}  // namespace sd35
