// Weights in NF4 as bitsandbytes, and with it diffusers and transformers, find them in a folder.
// Reference: bitsandbytes functional.py (QuantState.as_dict, pack_dict_to_tensor), transformers
// BitsAndBytesConfig.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "convert/file_tensor.h"
#include "convert/plan.h"

namespace sd35 {

// The nibbles of the weight `name`, with its scales, code books and description. The weight is quantized
// when the first of its tensors is written.
std::vector<FileTensor> encode_nf4(const std::string& name, const Shape& shape, const StoredRows& rows,
                                   DType original_type, bool double_quant);

// Whether the tensor is stored in 4 bits of bitsandbytes, and stays so.
bool is_four_bit(const PlannedTensor& tensor);
// The same tensors of one that is.
std::vector<FileTensor> copy_four_bit(const std::string& name, const StoredTensor& tensor);

// "quantization_config" of a component's config.json.
nlohmann::json nf4_config(const std::vector<PlannedTensor>& plan, bool double_quant);

}  // namespace sd35
