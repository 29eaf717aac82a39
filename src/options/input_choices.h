// What may be chosen for pictures that go into a drawing.
#pragma once

#include <cstdint>
#include <string_view>

namespace sd35 {

// What InitOptions::strength is a share of: of the steps asked for, or of so many more that all of those run.
enum class StrengthRule : std::uint8_t { share, steps };
// What of the autoencoder's distribution a picture becomes.
enum class LatentSample : std::uint8_t { sample, mode };
// What the painted part begins with. An empty name: not chosen.
enum class InpaintFill : std::uint8_t { unset, original, blur, noise, zero };
// What is enlarged between the passes of HiresOptions.
enum class Upscaler : std::uint8_t { latent, lanczos };

// Each throws ArgumentError naming what is known.
StrengthRule strength_rule_from_name(std::string_view name);
LatentSample latent_sample_from_name(std::string_view name);
InpaintFill inpaint_fill_from_name(std::string_view name);
Upscaler upscaler_from_name(std::string_view name);

}  // namespace sd35
