// Sampling that paints a part of a picture and leaves the rest.
#pragma once

#include <span>
#include <vector>

#include "core/tensor.h"

namespace sd35 {

// What is not painted follows the picture: after every step its latents are those of the picture at the noise
// that the step reached (diffusers' StableDiffusion3InpaintPipeline).
//
// A soft mask (differential diffusion, Levin and Fried 2023; ComfyUI's DifferentialDiffusion) is painted
// where it is at least as white as the step's share of the way from the last noise level to the first, so
// that darker grey begins later.
class Inpainting {
 public:
  // `clean`, `noise` [B, C, h, w] f32: the picture's latents and the noise it began with. `mask` [h, w] f32
  // from 0 to 1, 1 is painted; not soft: all are 0 or 1. `sigmas`: of all steps and of the end.
  // `smallest_sigma`: the last that the model was trained for. Throws Error for shapes that do not fit.
  Inpainting(Tensor clean, Tensor noise, Tensor mask, std::vector<float> sigmas, int first_step, bool soft,
             float smallest_sigma);

  // `latents` [B, C, h, w] after `steps_done` steps of all.
  void after_step(int steps_done, std::span<float> latents) const;

 private:
  // How white the mask must be to be painted in the step with this number.
  float threshold(int step) const;

  Tensor clean_, noise_, mask_;
  std::vector<float> sigmas_;
  int first_step_;
  bool soft_;
  float smallest_sigma_;
};

}  // namespace sd35
