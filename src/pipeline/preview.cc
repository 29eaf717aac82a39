#include "pipeline/preview.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/error.h"

namespace sd35 {
namespace {

// Red, green and blue of each latent channel.
constexpr std::array<std::array<float, 3>, 16> kColours{{{-0.0645f, 0.0177f, 0.1052f},
                                                         {0.0028f, 0.0312f, 0.0650f},
                                                         {0.1848f, 0.0762f, 0.0360f},
                                                         {0.0944f, 0.0360f, 0.0889f},
                                                         {0.0897f, 0.0506f, -0.0364f},
                                                         {-0.0020f, 0.1203f, 0.0284f},
                                                         {0.0855f, 0.0118f, 0.0283f},
                                                         {-0.0539f, 0.0658f, 0.1047f},
                                                         {-0.0057f, 0.0116f, 0.0700f},
                                                         {-0.0412f, 0.0281f, -0.0039f},
                                                         {0.1106f, 0.1171f, 0.1220f},
                                                         {-0.0248f, 0.0682f, -0.0481f},
                                                         {0.0815f, 0.0846f, 0.1207f},
                                                         {-0.0120f, -0.0055f, -0.0867f},
                                                         {-0.0749f, -0.0634f, -0.0456f},
                                                         {-0.1418f, -0.1457f, -0.1259f}}};

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
    return known ? PreviewColours{{kColours.begin(), kColours.end()}} : PreviewColours{};
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

std::optional<Picture> preview_of(std::span<const float> latents, int width, int height,
                                  const PreviewColours& colours) {
  if (colours.channels.empty()) return std::nullopt;
  Picture picture{width, height, {}, {}};
  const auto pixels = static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
  picture.rgb.resize(3 * pixels);
  for (std::size_t i = 0; i < pixels; ++i)
    for (std::size_t colour = 0; colour < 3; ++colour) {
      float sum = colours.bias[colour];
      for (std::size_t c = 0; c < colours.channels.size(); ++c)
        sum += latents[c * pixels + i] * colours.channels[c][colour];
      const float value = std::clamp((sum + 1) / 2, 0.0f, 1.0f);
      picture.rgb[3 * i + colour] = static_cast<std::uint8_t>(std::lround(255 * value));
    }
  return picture;
}

}  // namespace sd35
