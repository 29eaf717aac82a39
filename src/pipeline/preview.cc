#include "pipeline/preview.h"

#include <algorithm>
#include <array>
#include <cmath>

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

}  // namespace

Picture preview_of(const Tensor& latents) {
  if (latents.shape().rank() != 4 || latents.dim(0) != 1 ||
      latents.dim(1) != static_cast<std::int64_t>(kColours.size()))
    throw ArgumentError("no preview of latents " + latents.shape().to_string() +
                        "; one picture of 16 channels is known");
  Picture picture;
  picture.height = static_cast<int>(latents.dim(2));
  picture.width = static_cast<int>(latents.dim(3));
  const std::int64_t pixels = latents.dim(2) * latents.dim(3);
  picture.rgb.resize(static_cast<std::size_t>(3 * pixels));
  for (std::int64_t i = 0; i < pixels; ++i)
    for (std::size_t colour = 0; colour < 3; ++colour) {
      float sum = 0;
      for (std::size_t c = 0; c < kColours.size(); ++c)
        sum += latents.data<float>()[static_cast<std::int64_t>(c) * pixels + i] * kColours[c][colour];
      const float value = std::clamp((sum + 1) / 2, 0.0f, 1.0f);
      picture.rgb[static_cast<std::size_t>(3 * i) + colour] =
          static_cast<std::uint8_t>(std::lround(255 * value));
    }
  return picture;
}

}  // namespace sd35
