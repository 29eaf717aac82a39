// Rough pictures of latents: a linear map, or a tiny autoencoder.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/location.h"
#include "core/tensor.h"
#include "sd35/sd35.h"
#include "vae/config.h"
#include "weights/source.h"

namespace sd35 {

// A linear map of latents in the denoiser's scale to red, green and blue from -1 to 1.
struct PreviewColours {
  std::vector<std::array<float, 3>> channels;  // what each adds; empty: not known
  std::array<float, 3> bias{};

  // `preview` of the model's sd35.json, {"channels": [[r, g, b], ... of each latent channel], "bias": [r, g,
  // b]}; if it says nothing, those of Stable Diffusion 3.5, if there are as
  // many channels. Throws FileError that begins
  // with `location`.
  static PreviewColours from_json(const nlohmann::json& extras, std::int64_t latent_channels,
                                  const Location& location);
  // What from_json reads as `preview`.
  nlohmann::json to_json() const;
};

// Latents [1, C, h, w] -> a picture of w x h, one pixel per latent; nothing if the colours are not known.
std::optional<Picture> preview_of(const Tensor& latents, const PreviewColours& colours);

// A tiny autoencoder beside the model's own.
struct PreviewAutoencoder {
  VaeConfig config;
  std::shared_ptr<const WeightSource> weights;
};

// What LoadOptions::preview_with names; nothing for the linear map. `vae`: the model's own, which "taesd"
// means where it is tiny. Throws FileError for what is not there, is none or has other latents.
std::optional<PreviewAutoencoder> open_preview_autoencoder(const std::string& preview_with,
                                                           const PreviewAutoencoder& vae);

}  // namespace sd35
