// Checkpoints whose linear layers bitsandbytes quantized to 4 bits (NF4 or FP4), as diffusers saves them.
// Reference: bitsandbytes functional.py, QuantState.as_dict.
#pragma once

#include <string>

#include "weights/source.h"

namespace sd35 {

// Turns "<name>" of packed nibbles and what belongs to it ("<name>.absmax", ".quant_map", ".nested_absmax",
// ".nested_quant_map", ".quant_state.bitsandbytes__nf4" or "__fp4") into one encoded tensor "<name>" of the
// shape it had. Throws FileError, naming `location` and the tensor, where these contradict each other.
void fold_four_bit(StoredTensors& tensors, const std::string& location);

}  // namespace sd35
