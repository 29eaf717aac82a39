#include "sampling/inpainting.h"

#include <algorithm>
#include <utility>

#include "core/error.h"

namespace sd35 {

Inpainting::Inpainting(Tensor clean, Tensor noise, Tensor mask, std::vector<float> sigmas, int first_step,
                       bool soft, float smallest_sigma)
    : clean_(std::move(clean)),
      noise_(std::move(noise)),
      mask_(std::move(mask)),
      sigmas_(std::move(sigmas)),
      first_step_(first_step),
      soft_(soft),
      smallest_sigma_(smallest_sigma) {
  if (clean_.shape() != noise_.shape() || mask_.shape() != Shape{clean_.dim(2), clean_.dim(3)})
    throw Error("inpainting: a mask of " + mask_.shape().to_string() + " and noise of " +
                noise_.shape().to_string() + " for latents of " + clean_.shape().to_string());
}

float Inpainting::threshold(int step) const {
  if (!soft_) return 1;
  const float first = sigmas_[static_cast<std::size_t>(first_step_)],
              last = std::max(sigmas_.back(), smallest_sigma_);
  return (sigmas_[static_cast<std::size_t>(step)] - last) / (first - last);
}

void Inpainting::after_step(int steps_done, std::span<float> latents) const {
  const float sigma = sigmas_[static_cast<std::size_t>(steps_done)], white = threshold(steps_done - 1);
  const std::span<const float> mask = mask_.floats(), clean = clean_.floats(), noise = noise_.floats();
  for (std::size_t k = 0; k < latents.size(); ++k)
    if (mask[k % mask.size()] < white || mask[k % mask.size()] == 0)
      latents[k] = sigma * noise[k] + (1 - sigma) * clean[k];
}

}  // namespace sd35
