// The block formats of GGUF: runs of 32 or 256 consecutive elements of a row, each with scales of its own.
// Reference: ggml, docs/gguf.md and ggml-quants.c; the Python package gguf, quants.py. Values are those of
// the reference to the last bit, in both directions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "quant/encoding.h"

namespace sd35 {

enum class BlockType : std::uint8_t { q4_0, q4_1, q5_0, q5_1, q8_0, q2_k, q3_k, q4_k, q5_k, q6_k };

inline constexpr std::array kBlockTypes = {BlockType::q4_0, BlockType::q4_1, BlockType::q5_0, BlockType::q5_1,
                                           BlockType::q8_0, BlockType::q2_k, BlockType::q3_k, BlockType::q4_k,
                                           BlockType::q5_k, BlockType::q6_k};

// "q4_0", "q6_k", ...
std::string_view name_of(BlockType type);
// Elements of one block: 32 or 256.
std::size_t block_elements(BlockType type);
// Bytes of one block: 18 to 210.
std::size_t block_bytes(BlockType type);

// The values of `count` elements, a multiple of block_elements(type). `blocks` needs no alignment. Any bytes
// are valid: scales that are infinite or NaN make infinite or NaN values.
void dequantize_blocks(BlockType type, const std::byte* blocks, float* values, std::size_t count);

// Whether quantize_blocks() knows `type`: q4_0, q4_1, q5_0, q5_1 and q8_0.
bool can_quantize(BlockType type);
// The inverse. `count` is a multiple of block_elements(type). Throws Error for a type it does not know,
// ArgumentError for values that are NaN, infinite or beyond what the f16 scale of a block holds.
void quantize_blocks(BlockType type, const float* values, std::byte* blocks, std::size_t count);

// Tensors that are stored in blocks.
class BlockEncoding : public Encoding {
 public:
  // The one of `type`; it lives as long as the program.
  static std::shared_ptr<const BlockEncoding> of(BlockType type);

  explicit BlockEncoding(BlockType type) : type_(type) {}
  BlockType type() const { return type_; }
  std::string_view name() const override { return name_of(type_); }
  std::int64_t group_elements() const override { return static_cast<std::int64_t>(block_elements(type_)); }
  std::int64_t group_bytes() const override { return static_cast<std::int64_t>(block_bytes(type_)); }
  void decode(std::span<const std::byte> bytes, std::int64_t first, std::int64_t count,
              float* values) const override;

 private:
  BlockType type_;
};

}  // namespace sd35
