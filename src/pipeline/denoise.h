// From noise to latents: the sampler around the transformer, with what is done between its steps.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "core/progress.h"
#include "core/random.h"
#include "mmdit/transformer.h"
#include "ops/ops.h"
#include "sampling/guidance.h"
#include "sampling/sampler.h"
#include "sd35/sd35.h"
#include "text/prompt_encoder.h"

namespace sd35 {

// Numbers of the standard normal distribution, `shape` f32, drawn in type `dtype`: the initial latents of a
// seed.
Tensor initial_noise(RandomSource source, DType dtype, std::uint64_t seed, const Shape& shape);

// Noise of several pictures, one after another in equal parts: each draw goes on with the generators of their
// seeds, so that a picture gets the same numbers whatever is drawn beside it. The first draw is
// initial_noise().
NoiseSource noise_of_pictures(RandomSource source, DType dtype, std::span<const std::uint64_t> seeds);

// One way to call the transformer.
struct Context {
  std::int64_t prompt = 0;       // the row of DenoiseJob::prompt
  std::vector<int> skip_layers;  // blocks that are left out
};

// What is denoised, and how; independent of requests and files.
struct DenoiseJob {
  Tensor latents;             // [B, C, h, w] f32 at sigmas[first_step], in the denoiser's scale; B pictures
  std::vector<float> sigmas;  // of all steps and of the end, decreasing
  int first_step = 0;
  SamplerKind sampler = SamplerKind::euler;
  PromptEmbedding prompt;  // all prompts, [P, M, D] and [P, D']
  std::vector<Context> contexts{{}};
  std::shared_ptr<Guidance> guidance;  // null: follows the first context
  double block_cache = 0;              // see GenerateOptions
  int forecast = 1;                    // see GenerateOptions
  // Contexts run one after the other, not as one batch: half the memory of two.
  bool one_context_a_pass = false;
  // Pictures [B, C, h', w'] f32 whose tokens come before those of the latents in every forward, at the same
  // positions (transformers trained to edit a picture); or none.
  std::vector<Tensor> references;
  // What is added to the image tokens [B', N, D] after each block (ControlNet), for every forward; B' rows
  // are B for each context of the pass. Empty: nothing.
  std::function<std::vector<Tensor>(const TransformerInput& input)> block_residuals;
  // Noise of all pictures, for samplers that add some.
  NoiseSource next_noise;
  // The picture that each step leads to, x - sigma v of its last velocity: latents of all pictures. Before
  // after_step.
  std::function<void(int steps_done, std::span<const float> clean)> on_estimate;
  // After each step; may change the latents of all pictures (inpainting), and throw to stop.
  std::function<void(int steps_done, std::span<float> latents)> after_step;
};

// The latents [B, C, h, w] at the last sigma. Pictures do not influence each other. Throws NumericError
// naming the step, Cancelled between two blocks, and what the hooks throw.
Tensor denoise(const Ops& ops, const Transformer& transformer, DenoiseJob job, const StageProgress& progress);

}  // namespace sd35
