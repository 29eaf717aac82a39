// Runs the stages of a model on named inputs, for comparison with the reference: the goldens of tests/parity
// and the live comparison of tools/reference use the same names.
//
//   clip_l/N/ids, clip_g/N/ids, t5/N/ids [B, T] i32                   -> hidden, pooled
//   transformer/N/latents, timesteps, prompt_embedding, pooled_projection, skip_layers (optional) -> velocity
//   vae_decode/N/latents, vae_tiled/N/latents                         -> picture
//   vae_encode/N/picture                                              -> moments
#pragma once

#include <map>
#include <string>

#include "core/tensor.h"
#include "ops/ops.h"
#include "quant/quantized_matrix.h"
#include "weights/model/model_files.h"

namespace sd35 {

using NamedTensors = std::map<std::string, Tensor>;

NamedTensors run_stages(const ModelFiles& files, const Ops& ops, const NamedTensors& inputs,
                        WeightFormat transformer_weights = WeightFormat::dense);

}  // namespace sd35
