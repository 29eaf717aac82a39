// Weights that files hold in 4 or 8 bits, as they are kept in memory.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "quant/quantized_matrix.h"
#include "weights/source.h"

namespace sd35 {

// The tensors `parts` stacked to one matrix of `columns`, without unpacking them. Null unless all of them are
// of one form that has a QuantizedMatrix: 4 bits of bitsandbytes in rows of whole blocks, or fp8.
std::shared_ptr<const QuantizedMatrix> stored_matrix(const std::vector<const StoredTensor*>& parts,
                                                     std::int64_t columns);

}  // namespace sd35
