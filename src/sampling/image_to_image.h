// Where sampling begins when it starts from a picture (diffusers' StableDiffusion3Img2ImgPipeline).
#pragma once

#include <span>
#include <vector>

namespace sd35 {

// The first of `steps` steps to run at `strength` in (0, 1]; 1 runs them all, and sigmas[first_step(...)] is
// the noise level that the picture's latents get. Throws ArgumentError for another strength, or for one so
// small that no step is left.
int first_step(int steps, double strength);

// The steps of a schedule whose last `steps` are the share `strength` of it (ComfyUI's `denoise`), rounded
// down. Throws ArgumentError for another strength, or for one so small that there are more than `most`.
int longer_schedule(int steps, double strength, int most);

// sigma noise + (1 - sigma) latents. All three spans have one size; `out` may be `latents` or `noise`.
void scale_noise(std::span<const float> latents, std::span<const float> noise, float sigma,
                 std::span<float> out);

}  // namespace sd35
