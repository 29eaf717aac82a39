// The loss of a rectified flow: z = (1 - sigma) x + sigma noise, and the model learns the velocity noise - x.
// Reference: SD3 paper (arXiv 2403.03206) sections 2 and 3.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

#include "mmdit/transformer.h"
#include "train/objectives/letter_layer.h"
#include "train/objectives/timestep_sampling.h"

namespace sd35::train {

struct FlowBatch {
  Tensor clean;                      // x [B, C, h, w] f32, in the denoiser's scale
  Tensor noise;                      // the same shape
  std::vector<float> sigmas;         // [B]
  Tensor prompt_embedding;           // [B, M, joint_attention_dim]
  Tensor pooled_projection;          // [B, pooled_projection_dim]
  std::vector<PatchOrigin> origins;  // [B], or empty: the centre
  TokenRoute route;
  LetterTargets letters;  // empty: not called; not with a route
};

// Receives the image tokens [B, N, D] after each block.
using OnTokens = std::function<void(int block, const Tensor& tokens)>;

// |v(z, 1000 sigma) - (noise - x)|^2 of each element, [B, C, h, w] f32 with history.
at::Tensor flow_matching_error(const Ops& ops, const Transformer& transformer, const FlowBatch& batch,
                               const OnTokens& on_tokens = {});

// Mean over the batch of weight(sigma) |v(z, 1000 sigma) - (noise - x)|^2 / elements, f32 with history.
at::Tensor flow_matching_loss(const Ops& ops, const Transformer& transformer, const FlowBatch& batch,
                              const TimestepSampling& timesteps, const OnTokens& on_tokens = {});

}  // namespace sd35::train
