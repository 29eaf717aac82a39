// The pictures that go into a drawing, as latents: what denoising begins with, and what holds it to them.
#pragma once

#include <memory>

#include "core/random.h"
#include "core/tensor.h"
#include "image/mask.h"
#include "pipeline/denoise.h"
#include "pipeline/schedule.h"
#include "sd35/sd35.h"
#include "vae/config.h"

namespace sd35 {

// Of all pictures of a run; each is undefined where there is none.
struct LatentInputs {
  Tensor encoded;    // [1, K, h, w] f32, of the encoder (PictureEncoder::forward): what denoising begins with
  Tensor mask;       // [h, w] f32 from 0 to 1
  Tensor reference;  // [1, C, h, w] f32, in the denoiser's scale
};

// The mask at the size of latents: each `scale` x `scale` pixels are as the one in their upper left corner,
// white from one half on (diffusers), or `soft`, as grey as they are there. [h, w] f32.
Tensor latent_mask(const Mask& mask, int scale, bool soft);

// What one picture begins with, [1, C, h, w] f32.
struct Beginning {
  Tensor clean;  // undefined: begins with the noise alone
  Tensor noise;
};

// Draws of the picture's generator, in the order of diffusers: of the posterior, where the encoder gives one,
// then the noise; then, for
// the masked part, InpaintOptions::fill "noise". `shape`: of latents.
Beginning begin(const LatentInputs& inputs, const VaeConfig& vae, const GenerateOptions& options,
                NormalGenerator& generator, DType noise_type, const Shape& shape);

// Puts the beginnings of several pictures into a job with its schedule.
void begin_with(const std::vector<Beginning>& beginnings, const Schedule& schedule, DenoiseJob& job);

// What of the job's latents is not painted is held to the picture. `smallest_sigma`: see Inpainting.
void hold_to_picture(const std::vector<Beginning>& beginnings, const Tensor& mask, bool soft,
                     const Schedule& schedule, float smallest_sigma, DenoiseJob& job);

}  // namespace sd35
