// Scaled fp8 weights: the value is the stored fp8 number times a scale of the whole tensor.
// Reference: ComfyUI ops.py (scaled_fp8_ops) and its checkpoints' names.
#pragma once

#include <string>

#include "weights/source.h"

namespace sd35 {

// Moves "<layer>.scale_weight" (or "<layer>.weight_scale") into StoredTensor::scale of "<layer>.weight" and
// drops what belongs to the scheme but not to the weights: markers ("scaled_fp8"), scales of inputs and
// "comfy_quant". Throws FileError, naming `location` and the tensor, for a scale without a weight, a scale
// that is not one positive number, and for quantizations other than fp8 with one scale per tensor.
void apply_fp8_scales(StoredTensors& tensors, const std::string& location);

}  // namespace sd35
