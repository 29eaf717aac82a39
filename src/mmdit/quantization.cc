#include "mmdit/quantization.h"

#include <algorithm>
#include <array>

namespace sd35 {

bool is_sensitive(std::string_view name) {
  constexpr std::array<std::string_view, 5> kSensitive = {"pos_embed.", "time_text_embed.",
                                                          "context_embedder.", "norm_out.", "proj_out."};
  return std::ranges::any_of(kSensitive, [&](std::string_view start) { return name.starts_with(start); });
}

bool is_quantized(std::string_view name, ParameterKind kind, WeightFormat format) {
  if (format == WeightFormat::as_stored || format == WeightFormat::dense || is_sensitive(name)) return false;
  return kind == ParameterKind::linear || kind == ParameterKind::modulation;
}

}  // namespace sd35
