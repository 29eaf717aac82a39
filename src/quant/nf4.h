// Weights in 4 bits: indices into a code book of 16 values, times a scale per block; the scales may
// themselves be quantized ("double quantization"). Reference: Dettmers et al. 2023 (QLoRA), section 3;
// bitsandbytes functional.py (quantize_4bit, create_dynamic_map). Both directions are the reference's to the
// last bit, but for the mean of the scales, whose last bit depends on how many threads torch adds with.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "core/tensor.h"
#include "quant/encoding.h"

namespace sd35 {

// Elements that share a scale, and scales that share one, as bitsandbytes chooses them.
inline constexpr std::int64_t kNf4Block = 64;
inline constexpr std::int64_t kNestedBlock = 256;

using CodeBook = std::array<float, 16>;
// The quantiles of a normal distribution, ascending from -1 over 0 to 1.
const CodeBook& nf4_code_book();
// The 256 values of scales in 8 bits, ascending: a sign, an exponent of any length, a fraction.
using DynamicMap = std::array<float, 256>;
const DynamicMap& dynamic_map();

// Scales in 8 bits: dynamic map [index] * absmax of their block + offset.
struct NestedScales {
  DynamicMap map{};
  std::int64_t block = kNestedBlock;
  float offset = 0;
  Tensor absmax;  // [ceil(scales / block)] f32
};

struct FourBitWeight {
  CodeBook code{};
  std::int64_t block = kNf4Block;
  std::int64_t count = 0;  // elements
  Tensor nibbles;          // u8 [ceil(count / 2)], the first element of a byte in its upper half
  Tensor absmax;           // [ceil(count / block)] f32, or u8 where nested
  std::optional<NestedScales> nested;

  std::int64_t blocks() const { return (count + block - 1) / block; }
  // Scales of blocks [first, first + number).
  void read_scales(std::int64_t first, std::int64_t number, float* scales) const;
  // Values of elements [first, first + number).
  void decode(std::int64_t first, std::int64_t number, float* values) const;
  // Elements [first, first + number), whole blocks; shares `nibbles`. Its scales are f32 unless it is the
  // whole weight.
  FourBitWeight part(std::int64_t first, std::int64_t number) const;
};

// Throws ArgumentError for NaN and infinity.
FourBitWeight quantize_nf4(std::span<const float> values, bool double_quant);

// A stored tensor of this form. Segments are parts of `weight.nibbles`.
class FourBitEncoding : public Encoding {
 public:
  // `name`: "nf4" or "fp4".
  FourBitEncoding(std::string_view name, FourBitWeight weight) : name_(name), weight_(std::move(weight)) {}

  std::string_view name() const override { return name_; }
  std::int64_t group_elements() const override { return 2; }
  std::int64_t group_bytes() const override { return 1; }
  void decode(std::span<const std::byte> bytes, std::int64_t first, std::int64_t count,
              float* values) const override;
  const FourBitWeight& weight() const { return weight_; }
  // The number of the first element in the byte that a segment begins with.
  std::int64_t element_at(const std::byte* byte) const;

 private:
  std::string_view name_;
  FourBitWeight weight_;
};

}  // namespace sd35
