#include "pipeline/denoise.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <utility>

#include "sampling/forecast.h"
#include "sampling/sigmas.h"

namespace sd35 {
namespace {

// How many tokens at the end of every prompt [P, M, D] are equal: without T5 all of its tokens are zeros.
std::int64_t equal_at_end(const Tensor& tokens) {
  const std::int64_t P = tokens.dim(0), M = tokens.dim(1);
  const auto row_bytes = static_cast<std::size_t>(tokens.dim(2)) * size_of(tokens.dtype());
  const auto token = [&](std::int64_t p, std::int64_t m) {
    return static_cast<const std::byte*>(tokens.raw()) + static_cast<std::size_t>(p * M + m) * row_bytes;
  };
  std::int64_t count = M;
  for (std::int64_t p = 0; p < P; ++p)
    for (std::int64_t m = 1; m < count; ++m)
      if (std::memcmp(token(p, M - 1), token(p, M - 1 - m), row_bytes) != 0) count = m;
  return count;
}

// Contexts with neighbouring numbers that leave out the same blocks, run as one forward.
struct Pass {
  std::size_t first = 0, count = 0;  // of the job's contexts
  auto operator<=>(const Pass&) const = default;
};

// The evaluations of a job: what the sampler asks for, from forwards of the transformer.
class ContextRunner {
 public:
  ContextRunner(const Ops& ops, const Transformer& transformer, const DenoiseJob& job,
                const StageProgress& progress)
      : ops_(ops),
        transformer_(transformer),
        job_(job),
        progress_(progress),
        pictures_(job.latents.dim(0)),
        forecast_(job.forecast, job.first_step, static_cast<int>(job.sigmas.size()) - 1),
        last_token_count_(equal_at_end(job.prompt.tokens)),
        tokens_(ops.slice(job.prompt.tokens, 1, 0, job.prompt.tokens.dim(1) - last_token_count_ + 1)) {
    if (job.block_cache > 0) caches_.resize(job.contexts.size() * static_cast<std::size_t>(pictures_));
    const int steps = static_cast<int>(job.sigmas.size()) - 1;
    for (int step = job.first_step; step < steps; ++step) {
      all_work_ += work(step);
      if (job.sampler == SamplerKind::heun && step + 1 < steps) all_work_ += work(step + 1);
    }
  }

  Velocity velocity(std::span<const float> latents, float sigma, int index) {
    const PartOfWork part(ops_, "step", index);
    Velocity velocity =
        forecast_.computes(index) ? computed_velocity(latents, sigma, index) : forecast_.at(sigma);
    if (job_.forecast > 1 && forecast_.computes(index)) forecast_.add(sigma, velocity.followed);
    if (job_.on_estimate) estimate(latents, sigma, velocity.followed);
    return velocity;
  }

  void step_done(int steps, std::span<float> latents) {
    if (job_.on_estimate) job_.on_estimate(steps, clean_);
    if (job_.after_step) job_.after_step(steps, latents);
    steps_done_ = steps - job_.first_step;
    report();
  }

 private:
  void estimate(std::span<const float> latents, float sigma, std::span<const float> velocity) {
    clean_.resize(latents.size());
    std::ranges::transform(latents, velocity, clean_.begin(),
                           [=](float x, float v) { return x - sigma * v; });
  }

  Velocity computed_velocity(std::span<const float> latents, float sigma, int index) {
    std::vector<Tensor> results;  // [contexts of a pass * B, C, h, w]
    ContextVelocities velocities{latents, sigma, index, {}, pictures_};
    for (const Pass& pass : passes(index)) {
      results.push_back(forward(pass, latents, sigma));
      for (std::size_t i = 0; i < pass.count; ++i)
        velocities.of.push_back(results.back().floats().subspan(i * latents.size(), latents.size()));
    }
    if (job_.guidance) return job_.guidance->combined(velocities);
    return std::vector<float>(velocities.of[0].begin(), velocities.of[0].end());
  }

  std::vector<int> contexts(int index) const {
    return job_.guidance ? job_.guidance->contexts(index) : std::vector{0};
  }

  std::vector<Pass> passes(int index) const {
    std::vector<Pass> all;
    for (const int number : contexts(index)) {
      const auto context = static_cast<std::size_t>(number);
      const bool joins = !all.empty() && !job_.one_context_a_pass &&
                         all.back().first + all.back().count == context &&
                         job_.contexts[all.back().first].skip_layers == job_.contexts[context].skip_layers;
      if (joins)
        ++all.back().count;
      else
        all.push_back({context, 1});
    }
    return all;
  }

  // Blocks that an evaluation at sigma number `index` runs, for each picture.
  double work(int index) const {
    if (!forecast_.computes(index)) return 0;
    return static_cast<double>(contexts(index).size()) * transformer_.config().num_layers;
  }

  void report() const { progress_.report(work_done_ / all_work_, steps_done_); }
  // The end of all work is reported with the last step.
  void report_blocks() const {
    if (work_done_ < all_work_) report();
  }

  // The prompts of a pass, each once for every picture.
  const PromptEmbedding& prompts_of(const Pass& pass) {
    PromptEmbedding& prompts = prompts_[pass];
    if (prompts.tokens.defined()) return prompts;
    std::vector<Tensor> tokens, pooled;
    for (std::size_t i = 0; i < pass.count; ++i)
      for (std::int64_t b = 0; b < pictures_; ++b) {
        const std::int64_t row = job_.contexts[pass.first + i].prompt;
        tokens.push_back(tokens_.rows(row, row + 1));
        pooled.push_back(job_.prompt.pooled.rows(row, row + 1));
      }
    prompts = {ops_.concat(tokens, 0), ops_.concat(pooled, 0)};
    return prompts;
  }

  // `pictures` [B, C, h, w] once for each context of a pass.
  static Tensor repeated(std::span<const float> pictures, const Shape& shape, std::size_t times) {
    Tensor batch({static_cast<std::int64_t>(times) * shape[0], shape[1], shape[2], shape[3]}, DType::f32);
    for (std::size_t i = 0; i < times; ++i)
      std::ranges::copy(pictures, batch.data<float>() + i * pictures.size());
    return batch;
  }

  Tensor forward(const Pass& pass, std::span<const float> latents, float sigma) {
    const PartOfWork part(ops_, "forward");
    const PromptEmbedding& prompts = prompts_of(pass);
    const std::vector<int>& skip_layers = job_.contexts[pass.first].skip_layers;
    TransformerInput input;
    input.latents = repeated(latents, job_.latents.shape(), pass.count);
    for (const Tensor& reference : job_.references)
      input.references.push_back(repeated(reference.floats(), reference.shape(), pass.count));
    input.timesteps.assign(static_cast<std::size_t>(input.latents.dim(0)), timestep_at(sigma));
    input.prompt_embedding = prompts.tokens;
    input.last_token_count = last_token_count_;
    input.pooled_projection = prompts.pooled;
    input.skip_layers = skip_layers;
    if (!caches_.empty() && skip_layers.empty()) {
      const auto pictures = static_cast<std::size_t>(pictures_);
      input.cache = std::span(caches_).subspan(pass.first * pictures, pass.count * pictures);
      input.cache_threshold = job_.block_cache;
    }
    std::vector<Tensor> residuals;
    if (job_.block_residuals) residuals = job_.block_residuals(input);
    input.block_residuals = residuals;
    const double before = work_done_;
    const auto done = [&](int blocks) {
      work_done_ = std::max(work_done_, before + static_cast<double>(pass.count) * blocks);
      report_blocks();
    };
    input.on_block = [&](int block) { done(block + 1); };
    Tensor v = transformer_.forward(ops_, input);
    done(transformer_.config().num_layers);  // the block cache may have left some out
    return v;
  }

  const Ops& ops_;
  const Transformer& transformer_;
  const DenoiseJob& job_;
  const StageProgress& progress_;
  std::int64_t pictures_;
  Forecast forecast_;
  std::int64_t last_token_count_;
  Tensor tokens_;  // of the prompts, without those that the last one stands for
  std::map<Pass, PromptEmbedding> prompts_;
  std::vector<float> clean_;        // where the last velocity leads to
  std::vector<BlockCache> caches_;  // of each context and picture, or empty
  double all_work_ = 0, work_done_ = 0;
  int steps_done_ = 0;
};

}  // namespace

Tensor initial_noise(RandomSource source, DType dtype, std::uint64_t seed, const Shape& shape) {
  Tensor noise(shape, DType::f32);
  NormalGenerator(source, seed).next(dtype, {noise.data<float>(), static_cast<std::size_t>(noise.numel())});
  return noise;
}

NoiseSource noise_of_pictures(RandomSource source, DType dtype, std::span<const std::uint64_t> seeds) {
  std::vector<NormalGenerator> generators;
  for (const std::uint64_t seed : seeds) generators.emplace_back(source, seed);
  return [generators, dtype](std::span<float> noise) mutable {
    const std::size_t count = noise.size() / generators.size();
    for (std::size_t i = 0; i < generators.size(); ++i)
      generators[i].next(dtype, noise.subspan(i * count, count));
  };
}

Tensor denoise(const Ops& ops, const Transformer& transformer, DenoiseJob job,
               const StageProgress& progress) {
  ContextRunner runner(ops, transformer, job, progress);
  sample(
      job.sampler, job.sigmas, {job.latents.data<float>(), static_cast<std::size_t>(job.latents.numel())},
      [&](std::span<const float> latents, float sigma, int index) {
        return runner.velocity(latents, sigma, index);
      },
      [&](int steps, std::span<float> latents) { runner.step_done(steps, latents); }, job.first_step,
      job.next_noise);
  return std::move(job.latents);
}

}  // namespace sd35
