#include "weights/layouts/foreign_quantization.h"

#include <array>
#include <string_view>

#include "core/error.h"
#include "core/messages.h"

namespace sd35 {
namespace {

struct Quantization {
  std::string_view end;  // of a tensor's name
  std::string_view name;
};

constexpr std::array kQuantizations = {
    Quantization{".SCB", "bitsandbytes int8 (LLM.int8)"},
    Quantization{".weight_format", "bitsandbytes int8 (LLM.int8)"},
    Quantization{"._data", "quanto"},
    Quantization{".weight_qdata", "torchao"},
    Quantization{":_data", "torchao"},
    Quantization{".smooth_factor", "SVDQuant (nunchaku)"},
    Quantization{".g_idx", "GPTQ"},
    Quantization{".qzeros", "GPTQ or AWQ"},
    Quantization{".qweight", "GPTQ, AWQ or SVDQuant"},
    Quantization{".weight_scale_inv", "fp8 in blocks"},
    Quantization{".weight_packed", "compressed-tensors"},
};

[[noreturn]] void refuse(const std::string& location, std::string_view quantization,
                         const std::string& tensor) {
  throw FileError(
      location + ": quantized as " + std::string(quantization) + " (tensor " + in_quotes(tensor) +
          "), which is not read; fp8, NF4 and FP4 of bitsandbytes, GGUF and unquantized weights are",
      {}, location);
}

}  // namespace

void check_quantization(const StoredTensors& tensors, const std::string& location) {
  for (const Quantization& quantization : kQuantizations)
    for (const auto& [name, tensor] : tensors)
      if (name.ends_with(quantization.end)) refuse(location, quantization.name, name);
  for (const auto& [name, tensor] : tensors)
    if (tensor.shape.rank() == 2 && tensor.encoding == nullptr && !is_float(tensor.dtype) &&
        !name.ends_with("position_ids"))
      refuse(location, "whole numbers of type " + std::string(name_of(tensor.dtype)), name);
}

}  // namespace sd35
