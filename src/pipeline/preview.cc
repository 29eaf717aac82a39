#include "pipeline/preview.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string_view>

#include "core/error.h"
#include "pipeline/autoencode.h"
#include "weights/model/hub_cache.h"
#include "weights/model/model_files.h"

namespace sd35 {
namespace {

// Of Stable Diffusion 3.5: what ComfyUI shows (comfy/latent_formats.py, SD3), fitted to pictures.
constexpr std::array<std::array<float, 3>, 16> kColours{{{-0.0922f, -0.0175f, 0.0749f},
                                                         {0.0311f, 0.0633f, 0.0954f},
                                                         {0.1994f, 0.0927f, 0.0458f},
                                                         {0.0856f, 0.0339f, 0.0902f},
                                                         {0.0587f, 0.0272f, -0.0496f},
                                                         {-0.0006f, 0.1104f, 0.0309f},
                                                         {0.0978f, 0.0306f, 0.0427f},
                                                         {-0.0042f, 0.1038f, 0.1358f},
                                                         {-0.0194f, 0.0020f, 0.0669f},
                                                         {-0.0488f, 0.0130f, -0.0268f},
                                                         {0.0922f, 0.0988f, 0.0951f},
                                                         {-0.0278f, 0.0524f, -0.0542f},
                                                         {0.0332f, 0.0456f, 0.0895f},
                                                         {-0.0069f, -0.0030f, -0.0810f},
                                                         {-0.0596f, -0.0465f, -0.0293f},
                                                         {-0.1448f, -0.1463f, -0.1189f}}};
constexpr std::array<float, 3> kBias{0.2394f, 0.2135f, 0.1925f};

constexpr std::string_view kLinearPreview = "linear", kTinyPreview = "taesd";
constexpr const char* kTinyPreviewModel = "madebyollin/taesd3";

void check_preview(const PreviewAutoencoder& preview, const VaeConfig& vae, const std::string& path) {
  if (preview.config.network != VaeNetwork::tiny)
    throw FileError(path + ": it is not a tiny autoencoder such as TAESD3", {}, path);
  if (preview.config.latent_channels != vae.latent_channels || preview.config.scale() != vae.scale())
    throw FileError(path + ": it is for latents of " + std::to_string(preview.config.latent_channels) +
                        " channels and " + std::to_string(preview.config.scale()) +
                        " pixels, the model's have " + std::to_string(vae.latent_channels) + " and " +
                        std::to_string(vae.scale()),
                    {}, path);
  check_autoencoder(preview.config, *preview.weights);
}

std::optional<std::array<float, 3>> colour_from_json(const nlohmann::json& json) {
  std::array<float, 3> colour{};
  if (!json.is_array() || json.size() != colour.size()) return std::nullopt;
  for (std::size_t i = 0; i < colour.size(); ++i) {
    if (!json[i].is_number()) return std::nullopt;
    colour[i] = json[i].get<float>();
    if (!std::isfinite(colour[i])) return std::nullopt;
  }
  return colour;
}

}  // namespace

PreviewColours PreviewColours::from_json(const nlohmann::json& extras, std::int64_t latent_channels,
                                         const Location& location) {
  const auto said = extras.find("preview");
  if (said == extras.end()) {
    const bool known = latent_channels == static_cast<std::int64_t>(kColours.size());
    return known ? PreviewColours{{kColours.begin(), kColours.end()}, kBias} : PreviewColours{};
  }
  PreviewColours colours;
  const bool whole = said->is_object() && said->size() == 2 && said->contains("channels") &&
                     said->contains("bias") && said->at("channels").is_array();
  if (whole)
    for (const nlohmann::json& channel : said->at("channels"))
      if (const auto colour = colour_from_json(channel)) colours.channels.push_back(*colour);
  const auto bias = whole ? colour_from_json(said->at("bias")) : std::nullopt;
  if (!bias || colours.channels.size() != static_cast<std::size_t>(latent_channels) ||
      said->at("channels").size() != colours.channels.size())
    throw FileError(location + ": 'preview' is not the red, green and blue of " +
                        std::to_string(latent_channels) +
                        R"( latent channels, as in {"channels": [[0.1, 0, -0.2], ...], "bias": [0, 0, 0]})",
                    {}, location.file);
  colours.bias = *bias;
  return colours;
}

nlohmann::json PreviewColours::to_json() const { return {{"channels", channels}, {"bias", bias}}; }

std::optional<Picture> preview_of(const Tensor& latents, const PreviewColours& colours) {
  if (colours.channels.empty()) return std::nullopt;
  const std::int64_t height = latents.dim(2), width = latents.dim(3);
  Picture picture{static_cast<int>(width), static_cast<int>(height), {}, {}};
  const auto pixels = static_cast<std::size_t>(width * height);
  picture.rgb.resize(3 * pixels);
  for (std::size_t i = 0; i < pixels; ++i)
    for (std::size_t colour = 0; colour < 3; ++colour) {
      float sum = colours.bias[colour];
      for (std::size_t c = 0; c < colours.channels.size(); ++c)
        sum += latents.floats()[c * pixels + i] * colours.channels[c][colour];
      const float value = std::clamp((sum + 1) / 2, 0.0f, 1.0f);
      picture.rgb[3 * i + colour] = static_cast<std::uint8_t>(std::lround(255 * value));
    }
  return picture;
}

std::optional<PreviewAutoencoder> open_preview_autoencoder(const std::string& preview_with,
                                                           const PreviewAutoencoder& vae) {
  if (preview_with.empty() || preview_with == kLinearPreview) return std::nullopt;
  std::string path = preview_with;
  if (preview_with == kTinyPreview) {
    if (vae.config.network == VaeNetwork::tiny) return vae;
    const auto cached = find_in_hub_cache(kTinyPreviewModel);
    if (!cached)
      throw FileError("preview_with: 'taesd' is " + std::string(kTinyPreviewModel) +
                          ", which is not in the Hugging Face cache: download it (hf download " +
                          kTinyPreviewModel + "), or name its file or folder",
                      "preview_with");
    path = cached->string();
  }
  try {
    const ModelFiles files = ModelFiles::open_part(Component::vae, path);
    PreviewAutoencoder preview{
        VaeConfig::from_json(files.config(Component::vae), files.config_location(Component::vae)),
        files.weights(Component::vae)};
    check_preview(preview, vae.config, path);
    return preview;
  } catch (...) {
    rethrow_about("preview_with");
  }
}

}  // namespace sd35
