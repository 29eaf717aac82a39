// Which linear layers of the transformer may be quantized.
#pragma once

#include <string_view>

#include "quant/quantized_matrix.h"
#include "weights/parameters.h"

namespace sd35 {

// Whether the weight `name` (diffusers layout) stays in 16 bits in every format: embedders and the final
// layers, which hold 1 % of the weights and through which everything passes.
bool is_sensitive(std::string_view name);

// Whether the weight `name` is quantized to `format` when the transformer is loaded.
bool is_quantized(std::string_view name, ParameterKind kind, WeightFormat format);

}  // namespace sd35
