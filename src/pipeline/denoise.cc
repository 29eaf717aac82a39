#include "pipeline/denoise.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "core/error.h"
#include "core/random.h"
#include "core/type_names.h"
#include "pipeline/preview.h"
#include "sampling/guidance.h"
#include "sampling/sampler.h"
#include "sampling/sigmas.h"

namespace sd35 {
namespace {

// The latents of one picture, `copies` times.
Tensor batch_of(std::span<const float> latents, const Shape& shape, std::int64_t copies) {
  Tensor batch({copies, shape[1], shape[2], shape[3]}, DType::f32);
  for (std::int64_t copy = 0; copy < copies; ++copy)
    std::ranges::copy(latents, batch.data<float>() + copy * static_cast<std::int64_t>(latents.size()));
  return batch;
}

// How many tokens at the end of every prompt [B, M, D] are equal: without T5 all that would be T5's are
// zeros.
std::int64_t equal_at_end(const Tensor& tokens) {
  const std::int64_t B = tokens.dim(0), M = tokens.dim(1);
  const auto row_bytes = static_cast<std::size_t>(tokens.dim(2)) * size_of(tokens.dtype());
  const auto token = [&](std::int64_t b, std::int64_t m) {
    return static_cast<const std::byte*>(tokens.raw()) + static_cast<std::size_t>(b * M + m) * row_bytes;
  };
  std::int64_t count = M;
  for (std::int64_t b = 0; b < B; ++b)
    for (std::int64_t m = 1; m < count; ++m)
      if (std::memcmp(token(b, M - 1), token(b, M - 1 - m), row_bytes) != 0) count = m;
  return count;
}

// The velocity that the sampler follows: one forward of the prompts, perhaps one more without some blocks.
class GuidedTransformer {
 public:
  GuidedTransformer(const Ops& ops, const Transformer& transformer, const PromptEmbedding& prompt,
                    const GenerateOptions& options, const Shape& shape, const StageProgress& progress,
                    bool one_prompt_a_pass)
      : ops_(ops),
        transformer_(transformer),
        last_token_count_(equal_at_end(prompt.tokens)),
        prompt_{ops.slice(prompt.tokens, 1, 0, prompt.tokens.dim(1) - last_token_count_ + 1), prompt.pooled},
        options_(options),
        guided_(guidance_enabled(options.guidance_scale.value())),
        shape_(shape),
        progress_(progress),
        one_prompt_a_pass_(one_prompt_a_pass) {
    interval_ = {options.guidance_start, options.guidance_stop};
    if (options.block_cache > 0) cache_.resize(static_cast<std::size_t>(prompt.tokens.dim(0)));
    const SkipLayerOptions& skip = options.skip_layer_guidance;
    if (guided_) skip_ = {skip.layers, skip.scale, skip.start, skip.stop};
    const bool heun = sampler_from_name(options.sampler.value()) == SamplerKind::heun;
    for (int step = 0; step < options.num_inference_steps.value(); ++step) {
      all_work_ += work(step);
      if (heun && step + 1 < *options.num_inference_steps) all_work_ += work(step + 1);
    }
  }

  std::vector<float> velocity(std::span<const float> latents, float sigma, int index) {
    const PartOfWork part(ops_, "step", index);
    const std::int64_t prompts = prompt_.tokens.dim(0);
    const bool guided = is_guided(index);
    const Tensor v = forward_all(latents, sigma, guided ? 0 : prompts - 1);  // [B, C, h, w]
    if (!guided) return {v.floats().begin(), v.floats().end()};

    const auto negative = v.floats().first(latents.size()), positive = v.floats().last(latents.size());
    std::vector<float> result = guided_velocity(negative, positive, options_.guidance_scale.value());
    if (skip_.active(index, *options_.num_inference_steps)) {
      const Tensor skipped = forward(latents, sigma, prompts - 1, prompts, skip_.layers);
      skip_.add_to(result, positive, skipped.floats());
    }
    return result;
  }

  void step_done(int steps, std::span<const float> latents) {
    steps_done_ = steps;
    report();
    const Callbacks& callbacks = progress_.callbacks();
    if (callbacks.on_preview) callbacks.on_preview(preview_of(batch_of(latents, shape_, 1)), steps);
  }

 private:
  bool is_guided(int index) const {
    return guided_ && interval_.active(index, *options_.num_inference_steps);
  }

  // Blocks that an evaluation at sigma number `index` runs, for each picture of its batch.
  double work(int index) const {
    const double forwards = is_guided(index) ? 2 : 1;
    const bool skip = is_guided(index) && skip_.active(index, *options_.num_inference_steps);
    return (forwards + (skip ? 1 : 0)) * transformer_.config().num_layers;
  }

  void report() const { progress_.report(work_done_ / all_work_, steps_done_); }
  // The end of all work is reported with the last step.
  void report_blocks() const {
    if (work_done_ < all_work_) report();
  }

  // Of the prompts from `first` on.
  Tensor forward_all(std::span<const float> latents, float sigma, std::int64_t first) {
    const std::int64_t prompts = prompt_.tokens.dim(0);
    if (!one_prompt_a_pass_) return forward(latents, sigma, first, prompts, {});
    std::vector<Tensor> parts;
    for (std::int64_t b = first; b < prompts; ++b) parts.push_back(forward(latents, sigma, b, b + 1, {}));
    return ops_.concat(parts, 0);
  }

  Tensor forward(std::span<const float> latents, float sigma, std::int64_t begin, std::int64_t end,
                 std::span<const int> skip_layers) {
    const PartOfWork part(ops_, "forward");
    const std::int64_t batch = end - begin;
    TransformerInput input;
    input.latents = batch_of(latents, shape_, batch);
    input.timesteps.assign(static_cast<std::size_t>(batch), timestep_at(sigma));
    input.prompt_embedding = prompt_.tokens.rows(begin, end);
    input.last_token_count = last_token_count_;
    input.pooled_projection = prompt_.pooled.rows(begin, end);
    input.skip_layers = skip_layers;
    if (!cache_.empty() && skip_layers.empty()) {
      input.cache =
          std::span(cache_).subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(batch));
      input.cache_threshold = options_.block_cache;
    }
    const double before = work_done_;
    const auto done = [&](int blocks) {
      work_done_ = std::max(work_done_, before + static_cast<double>(batch * blocks));
      report_blocks();
    };
    input.on_block = [&](int block) { done(block + 1); };
    Tensor v = transformer_.forward(ops_, input);
    done(transformer_.config().num_layers);  // the block cache may have left some out
    return v;
  }

  const Ops& ops_;
  const Transformer& transformer_;
  std::int64_t last_token_count_;
  PromptEmbedding prompt_;  // without those that the last token stands for
  const GenerateOptions& options_;
  bool guided_;
  Shape shape_;
  const StageProgress& progress_;
  bool one_prompt_a_pass_;
  GuidanceInterval interval_;
  SkipLayerGuidance skip_;
  std::vector<BlockCache> cache_;  // of each prompt, or empty
  double all_work_ = 0, work_done_ = 0;
  int steps_done_ = 0;
};

}  // namespace

Tensor initial_noise(const GenerateOptions& options, DType dtype, std::uint64_t seed, const Shape& shape) {
  if (!options.noise_dtype.empty()) dtype = noise_type_from_name(options.noise_dtype);
  Tensor noise(shape, DType::f32);
  fill_normal(random_source_from_name(options.generator), seed, dtype,
              {noise.data<float>(), static_cast<std::size_t>(noise.numel())});
  return noise;
}

Tensor denoise(const Ops& ops, const Transformer& transformer, const PromptEmbedding& prompt,
               const GenerateOptions& options, std::span<const float> sigmas, Tensor noise,
               const StageProgress& progress, bool one_prompt_a_pass) {
  GuidedTransformer guided(ops, transformer, prompt, options, noise.shape(), progress, one_prompt_a_pass);
  sample(
      sampler_from_name(options.sampler.value()), sigmas,
      {noise.data<float>(), static_cast<std::size_t>(noise.numel())},
      [&](std::span<const float> latents, float sigma, int index) {
        return guided.velocity(latents, sigma, index);
      },
      [&](int steps, std::span<const float> latents) { guided.step_done(steps, latents); });
  return noise;
}

}  // namespace sd35
