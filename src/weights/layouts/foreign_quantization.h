// Quantizations that are not read, recognized by the tensors they leave in a file.
#pragma once

#include <string>

#include "weights/source.h"

namespace sd35 {

// Throws FileError, naming `location`, the quantization and what would work, when `tensors` are weights of
// bitsandbytes' 8 bits, quanto, torchao, GPTQ, AWQ, SVDQuant or another form of whole numbers. Those that are
// read (fp8, NF4, FP4, GGUF) must be folded before.
void check_quantization(const StoredTensors& tensors, const std::string& location);

}  // namespace sd35
