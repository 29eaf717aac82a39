#include "train/objectives/flow_matching.h"

#include <ATen/ATen.h>

#include "ops/torch/torch_ops.h"
#include "sampling/sigmas.h"

namespace sd35::train {

at::Tensor flow_matching_error(const Ops& ops, const Transformer& transformer, const FlowBatch& batch,
                               const OnTokens& on_tokens) {
  const auto B = static_cast<std::int64_t>(batch.sigmas.size());
  TransformerInput input;
  for (const float sigma : batch.sigmas) input.timesteps.push_back(timestep_at(sigma));
  const at::Tensor x = to_torch(batch.clean), noise = to_torch(batch.noise);
  const at::Tensor sigma = to_torch(Tensor::from({B, 1, 1, 1}, batch.sigmas)).to(x.device());
  input.latents = from_torch(x + sigma * (noise - x));  // [B, C, h, w]
  input.prompt_embedding = batch.prompt_embedding;
  input.pooled_projection = batch.pooled_projection;
  input.origins = batch.origins;
  input.route = batch.route;
  input.on_tokens = on_tokens;

  const at::Tensor velocity = to_torch(transformer.forward(ops, input));
  return (velocity - (noise - x).to(velocity.device())).square();  // [B, C, h, w]
}

at::Tensor flow_matching_loss(const Ops& ops, const Transformer& transformer, const FlowBatch& batch,
                              const TimestepSampling& timesteps, const OnTokens& on_tokens) {
  std::vector<float> weights;
  for (const float sigma : batch.sigmas) weights.push_back(static_cast<float>(timesteps.weight(sigma)));
  // Goes to the device before the forward is queued: a copy would wait for it.
  const at::Tensor weight = to_torch(Tensor::from({static_cast<std::int64_t>(weights.size())}, weights))
                                .to(to_torch(batch.clean).device());
  const at::Tensor error = flow_matching_error(ops, transformer, batch, on_tokens).mean({1, 2, 3});  // [B]
  return (weight.to(error.device()) * error).mean();
}

}  // namespace sd35::train
