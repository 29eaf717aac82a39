// A rough picture of latents, without the autoencoder.
#pragma once

#include <array>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/location.h"
#include "sd35/sd35.h"

namespace sd35 {

// A linear map of latents in the denoiser's scale to red, green and blue from -1 to 1.
struct PreviewColours {
  std::vector<std::array<float, 3>> channels;  // what each adds; empty: not known
  std::array<float, 3> bias{};

  // `preview` of the model's sd35.json, {"channels": [[r, g, b], ... of each latent channel], "bias": [r, g,
  // b]}; if it says nothing, those of Stable Diffusion 3.5 (sd3.5 reference sd3_impls.py,
  // SD3LatentFormat.decode_latent_to_preview), if there are as many channels. Throws FileError that begins
  // with `location`.
  static PreviewColours from_json(const nlohmann::json& extras, std::int64_t latent_channels,
                                  const Location& location);
  // What from_json reads as `preview`.
  nlohmann::json to_json() const;
};

// Latents [C, h, w] -> a picture of w x h, one pixel per latent; nothing if the colours are not known.
std::optional<Picture> preview_of(std::span<const float> latents, int width, int height,
                                  const PreviewColours& colours);

}  // namespace sd35
