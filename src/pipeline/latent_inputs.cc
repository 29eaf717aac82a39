#include "pipeline/latent_inputs.h"

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "options/input_choices.h"
#include "sampling/bilinear.h"
#include "sampling/image_to_image.h"
#include "sampling/inpainting.h"
#include "vae/autoencoder.h"

namespace sd35 {
namespace {

Tensor drawn(NormalGenerator& generator, DType type, const Shape& shape) {
  Tensor noise(shape, DType::f32);
  generator.next(type, {noise.data<float>(), static_cast<std::size_t>(noise.numel())});
  return noise;
}

// The masked part of `clean` becomes `paint`, or nothing where that is undefined.
void paint_over(Tensor& clean, const Tensor& mask, const Tensor& paint) {
  const std::span<const float> white = mask.floats();
  float* z = clean.data<float>();
  for (std::size_t k = 0; k < static_cast<std::size_t>(clean.numel()); ++k) {
    const float share = white[k % white.size()];
    z[k] = z[k] * (1 - share) + (paint.defined() ? paint.data<float>()[k] * share : 0);
  }
}

// [1, ...] each -> [B, ...].
Tensor together(const std::vector<Beginning>& beginnings, Tensor Beginning::*part) {
  const Shape shape = (beginnings.front().*part).shape();
  Tensor all({static_cast<std::int64_t>(beginnings.size()), shape[1], shape[2], shape[3]}, DType::f32);
  float* to = all.data<float>();
  for (const Beginning& beginning : beginnings) to = std::ranges::copy((beginning.*part).floats(), to).out;
  return all;
}

}  // namespace

Tensor latent_mask(const Mask& mask, int scale, bool soft) {
  if (soft) {
    Tensor grey({1, 1, mask.height, mask.width}, DType::f32);
    std::ranges::transform(mask.grey, grey.data<float>(),
                           [](std::uint8_t level) { return static_cast<float>(level) / 255; });
    return bilinear(grey, mask.height / scale, mask.width / scale)
        .reshape({mask.height / scale, mask.width / scale});
  }
  constexpr std::uint8_t kHalfWhite = 128;
  Tensor result({mask.height / scale, mask.width / scale}, DType::f32);
  float* to = result.data<float>();
  for (int y = 0; y < mask.height / scale; ++y)
    for (int x = 0; x < mask.width / scale; ++x)
      *to++ =
          mask.grey[static_cast<std::size_t>(y) * scale * mask.width + static_cast<std::size_t>(x) * scale] >=
                  kHalfWhite
              ? 1.0f
              : 0.0f;
  return result;
}

Beginning begin(const LatentInputs& inputs, const VaeConfig& vae, const GenerateOptions& options,
                NormalGenerator& generator, DType noise_type, const Shape& shape) {
  if (!inputs.encoded.defined()) return {{}, drawn(generator, noise_type, shape)};
  const bool samples =
      vae.has_posterior() && latent_sample_from_name(options.init.latent_sample) == LatentSample::sample;
  const Tensor posterior = samples ? drawn(generator, noise_type, shape) : Tensor();
  Beginning beginning;
  beginning.clean = denoiser_latents(vae, inputs.encoded, posterior);
  beginning.noise = drawn(generator, noise_type, shape);
  const InpaintFill fill = inpaint_fill_from_name(options.inpaint.fill);
  if (inputs.mask.defined() && (fill == InpaintFill::noise || fill == InpaintFill::zero))
    paint_over(beginning.clean, inputs.mask,
               fill == InpaintFill::noise ? drawn(generator, noise_type, shape) : Tensor());
  return beginning;
}

void begin_with(const std::vector<Beginning>& beginnings, const Schedule& schedule, DenoiseJob& job) {
  job.sigmas = schedule.sigmas;
  job.first_step = schedule.first_step;
  job.latents = together(beginnings, &Beginning::noise);
  if (!beginnings.front().clean.defined()) return;
  const Tensor clean = together(beginnings, &Beginning::clean);
  const std::span<float> noisy{job.latents.data<float>(), static_cast<std::size_t>(job.latents.numel())};
  scale_noise(clean.floats(), noisy, job.sigmas[static_cast<std::size_t>(job.first_step)], noisy);
}

void hold_to_picture(const std::vector<Beginning>& beginnings, const Tensor& mask, bool soft,
                     const Schedule& schedule, float smallest_sigma, DenoiseJob& job) {
  const auto inpainting = std::make_shared<Inpainting>(
      together(beginnings, &Beginning::clean), together(beginnings, &Beginning::noise), mask, schedule.sigmas,
      schedule.first_step, soft, smallest_sigma);
  job.after_step = [inpainting, then = std::move(job.after_step)](int steps_done, std::span<float> latents) {
    inpainting->after_step(steps_done, latents);
    if (then) then(steps_done, latents);
  };
}

}  // namespace sd35
