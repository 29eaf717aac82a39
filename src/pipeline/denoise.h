// From noise to latents: the sampler around the transformer, with guidance.
#pragma once

#include "mmdit/transformer.h"
#include "ops/ops.h"
#include "pipeline/progress.h"
#include "sd35/sd35.h"
#include "text/prompt_encoder.h"

namespace sd35 {

// The initial latents [1, C, h, w] f32 of `seed`, from the generator and in the type that `options` name
// (`dtype` where they name none).
Tensor initial_noise(const GenerateOptions& options, DType dtype, std::uint64_t seed, const Shape& shape);

// Latents [1, C, h, w] f32 in the denoiser's scale, from noise of that shape, along `sigmas` (steps + 1).
// `prompt` holds the negative prompt and the prompt where guidance is on, else the prompt alone; they run as
// one batch, or with `one_prompt_a_pass` one after the other, which takes half the memory. Throws
// NumericError naming the step, Cancelled between two blocks.
Tensor denoise(const Ops& ops, const Transformer& transformer, const PromptEmbedding& prompt,
               const GenerateOptions& options, std::span<const float> sigmas, Tensor noise,
               const StageProgress& progress, bool one_prompt_a_pass = false);

}  // namespace sd35
