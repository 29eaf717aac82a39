// What weights are converted to.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "core/dtype.h"
#include "quant/gguf_blocks.h"

namespace sd35 {

// Four bits per weight, as bitsandbytes stores them.
struct Nf4Format {
  bool double_quant = false;
  bool operator==(const Nf4Format&) const = default;
};

// fp8 e4m3 with a scale per tensor, so that the largest weight is the largest number there is: what ComfyUI
// reads.
struct ScaledFp8Format {
  bool operator==(const ScaledFp8Format&) const = default;
};

// The bytes that the file holds.
struct AsStored {
  bool operator==(const AsStored&) const = default;
};

// A type, blocks of GGUF, NF4, scaled fp8, or nothing new.
using Format = std::variant<DType, BlockType, Nf4Format, ScaledFp8Format, AsStored>;

// "f32", "f16", "bf16", "fp8", "q8_0", "q4_0", "q4_1", "q5_0", "q5_1", "nf4", "nf4-dq"; empty: as stored.
// Throws ArgumentError.
Format format_from_name(std::string_view name);
// The inverse; other types by their own names. Not for AsStored, which may be any type.
std::string name_of(const Format& format);

enum class Layout { diffusers, single, gguf };

// "diffusers", "single", "gguf"; if `name` is empty, by the extension of `output`: .safetensors is a single
// file, .gguf is GGUF, anything else a folder. Throws ArgumentError, also where the layout cannot hold
// `format`.
Layout layout_of(std::string_view name, const std::string& output, const Format& format);

}  // namespace sd35
