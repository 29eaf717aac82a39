#include "quant/gguf_blocks.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

#include "core/dtype.h"
#include "core/error.h"

namespace sd35 {
namespace {

constexpr int kSmall = 32;   // elements of a block of the simple formats
constexpr int kLarge = 256;  // of the K formats

struct Format {
  std::string_view name;
  std::size_t elements, bytes;
};

// In the order of the enumeration.
constexpr std::array kFormats = {
    Format{"q4_0", kSmall, 18},  Format{"q4_1", kSmall, 20},  Format{"q5_0", kSmall, 22},
    Format{"q5_1", kSmall, 24},  Format{"q8_0", kSmall, 34},  Format{"q2_k", kLarge, 84},
    Format{"q3_k", kLarge, 110}, Format{"q4_k", kLarge, 144}, Format{"q5_k", kLarge, 176},
    Format{"q6_k", kLarge, 210},
};
static_assert(kFormats.size() == kBlockTypes.size());

const Format& format_of(BlockType type) { return kFormats.at(static_cast<std::size_t>(type)); }

using Bytes = const std::uint8_t*;

float half_at(Bytes bytes) {
  f16 half;
  std::memcpy(&half, bytes, sizeof(half));
  return to_float(half);
}

std::uint32_t word_at(Bytes bytes) {
  std::uint32_t word;
  std::memcpy(&word, bytes, sizeof(word));
  return word;
}

// Byte j of a simple block holds element j in its low and element j + 16 in its high nibble; `high` has the
// fifth bits, one per element.
template <class Value>
void decode_nibbles(Bytes nibbles, std::uint32_t high, float* values, Value value) {
  for (int j = 0; j < kSmall / 2; ++j) {
    values[j] = value(static_cast<int>((nibbles[j] & 15u) | ((high >> j & 1u) << 4)));
    values[j + 16] = value(static_cast<int>((nibbles[j] >> 4u) | ((high >> (j + 16) & 1u) << 4)));
  }
}

void decode_q4_0(Bytes block, float* values) {
  const float d = half_at(block);
  decode_nibbles(block + 2, 0, values, [d](int q) { return d * static_cast<float>(q - 8); });
}

void decode_q4_1(Bytes block, float* values) {
  const float d = half_at(block), m = half_at(block + 2);
  decode_nibbles(block + 4, 0, values, [d, m](int q) { return d * static_cast<float>(q) + m; });
}

void decode_q5_0(Bytes block, float* values) {
  const float d = half_at(block);
  decode_nibbles(block + 6, word_at(block + 2), values,
                 [d](int q) { return d * static_cast<float>(q - 16); });
}

void decode_q5_1(Bytes block, float* values) {
  const float d = half_at(block), m = half_at(block + 2);
  decode_nibbles(block + 8, word_at(block + 4), values,
                 [d, m](int q) { return d * static_cast<float>(q) + m; });
}

void decode_q8_0(Bytes block, float* values) {
  const float d = half_at(block);
  for (int j = 0; j < kSmall; ++j) values[j] = static_cast<float>(static_cast<std::int8_t>(block[2 + j])) * d;
}

// Element 128 h + 32 k + l of q2_k and q3_k has bits 2k, 2k + 1 of byte 32 h + l.
int two_bits(Bytes packed, int element) {
  return packed[element / 128 * 32 + element % 32] >> (element % 128 / 32 * 2) & 3;
}

void decode_q2_k(Bytes block, float* values) {
  const Bytes scales = block, packed = block + 16;
  const float d = half_at(block + 80), dmin = half_at(block + 82);
  for (int part = 0; part < 16; ++part) {
    const float scale = d * static_cast<float>(scales[part] & 15),
                minimum = dmin * static_cast<float>(scales[part] >> 4);
    for (int i = part * 16; i < part * 16 + 16; ++i)
      values[i] = scale * static_cast<float>(two_bits(packed, i)) - minimum;
  }
}

void decode_q3_k(Bytes block, float* values) {
  const Bytes mask = block, packed = block + 32, scales = block + 96;
  const float d = half_at(block + 108);
  for (int part = 0; part < 16; ++part) {
    // Low nibbles in bytes 0 to 7, first their lower halves; two high bits of each in bytes 8 to 11.
    const int low = scales[part % 8] >> (part / 8 * 4) & 15,
              high = scales[8 + part % 4] >> (part / 4 * 2) & 3;
    const float scale = d * static_cast<float>((low | high << 4) - 32);
    for (int i = part * 16; i < part * 16 + 16; ++i) {
      const int missing = (mask[i % 32] >> (i / 32) & 1) == 0 ? 4 : 0;
      values[i] = scale * static_cast<float>(two_bits(packed, i) - missing);
    }
  }
}

struct ScaleAndMinimum {
  float scale, minimum;
};

// The 6-bit scale and minimum of run `j` of 32 elements, from the 12 bytes of q4_k and q5_k.
ScaleAndMinimum scale_and_minimum(Bytes s, int j, float d, float dmin) {
  const int scale = j < 4 ? s[j] & 63 : (s[j + 4] & 15) | (s[j - 4] >> 6) << 4;
  const int minimum = j < 4 ? s[j + 4] & 63 : s[j + 4] >> 4 | (s[j] >> 6) << 4;
  return {d * static_cast<float>(scale), dmin * static_cast<float>(minimum)};
}

// Runs 2g and 2g + 1 of q4_k and q5_k are the low and the high nibbles of bytes [32 g, 32 g + 32).
void decode_q4_k(Bytes block, float* values) {
  const Bytes packed = block + 16;
  const float d = half_at(block), dmin = half_at(block + 2);
  for (int run = 0; run < 8; ++run) {
    const auto [scale, minimum] = scale_and_minimum(block + 4, run, d, dmin);
    for (int l = 0; l < 32; ++l) {
      const int q = packed[run / 2 * 32 + l] >> (run % 2 * 4) & 15;
      values[run * 32 + l] = scale * static_cast<float>(q) - minimum;
    }
  }
}

void decode_q5_k(Bytes block, float* values) {
  const Bytes high = block + 16, packed = block + 48;
  const float d = half_at(block), dmin = half_at(block + 2);
  for (int run = 0; run < 8; ++run) {
    const auto [scale, minimum] = scale_and_minimum(block + 4, run, d, dmin);
    for (int l = 0; l < 32; ++l) {
      const int q = (packed[run / 2 * 32 + l] >> (run % 2 * 4) & 15) | (high[l] >> run & 1) << 4;
      values[run * 32 + l] = scale * static_cast<float>(q) - minimum;
    }
  }
}

// Runs of 32: in each half of 128 elements, runs 0 and 1 are the low nibbles of 64 bytes, 2 and 3 the high
// ones; two more bits of run k of the half are bits 2k, 2k + 1 of 32 bytes.
void decode_q6_k(Bytes block, float* values) {
  const Bytes packed = block, high = block + 128, scales = block + 192;
  const float d = half_at(block + 208);
  for (int run = 0; run < 8; ++run) {
    const int half = run / 4, k = run % 4;
    for (int l = 0; l < 32; ++l) {
      const int low = packed[half * 64 + k % 2 * 32 + l] >> (k / 2 * 4) & 15;
      const int q = (low | (high[half * 32 + l] >> (k * 2) & 3) << 4) - 32;
      const float scale = d * static_cast<float>(static_cast<std::int8_t>(scales[run * 2 + l / 16]));
      values[run * 32 + l] = scale * static_cast<float>(q);
    }
  }
}

template <void (*decode)(Bytes, float*)>
void decode_all(const Format& format, const std::byte* blocks, float* values, std::size_t count) {
  const auto* block = reinterpret_cast<Bytes>(blocks);
  for (std::size_t i = 0; i < count; i += format.elements, block += format.bytes) decode(block, values + i);
}

// A scale as stored; its inverse is that of the number before rounding. 0 where the block is zero, or so
// small that its scale rounds to zero.
float put_scale(std::byte* target, float d, BlockType type) {
  const f16 half = to_f16(d);
  if (!std::isfinite(to_float(half)))
    throw ArgumentError("its values are too large for " + std::string(name_of(type)));
  std::memcpy(target, &half, sizeof(half));
  const float inverse = 1.0f / d;
  return std::isfinite(inverse) ? inverse : 0.0f;
}

// Packs the numbers 0 to 31 of a simple block; the fifth bits are returned, one per element.
std::uint32_t put_nibbles(const std::array<int, kSmall>& q, std::byte* target) {
  std::uint32_t high = 0;
  for (std::size_t j = 0; j < q.size(); ++j) high |= (static_cast<std::uint32_t>(q[j]) >> 4) << j;
  for (std::size_t j = 0; j < q.size() / 2; ++j)
    target[j] = static_cast<std::byte>((q[j] & 15) | (q[j + 16] & 15) << 4);
  return high;
}

// d | fifth bits | nibbles. The value of the largest magnitude becomes the lowest number, -half.
template <BlockType type, int half>
void encode_symmetric(const float* values, std::byte* block) {
  const float extreme = *std::max_element(values, values + kSmall,
                                          [](float a, float b) { return std::fabs(a) < std::fabs(b); });
  const float id = put_scale(block, extreme / static_cast<float>(-half), type);
  std::array<int, kSmall> q;
  for (int j = 0; j < kSmall; ++j)
    q[j] = std::min(2 * half - 1, static_cast<int>(values[j] * id + (static_cast<float>(half) + 0.5f)));
  const std::uint32_t high = put_nibbles(q, block + (half == 16 ? 6 : 2));
  if (half == 16) std::memcpy(block + 2, &high, sizeof(high));
}

// d | minimum | fifth bits | nibbles. The numbers 0 to `highest` go from the minimum to the maximum.
template <BlockType type, int highest>
void encode_affine(const float* values, std::byte* block) {
  const auto [minimum, maximum] = std::minmax_element(values, values + kSmall);
  const float id = put_scale(block, (*maximum - *minimum) / static_cast<float>(highest), type);
  put_scale(block + 2, *minimum, type);
  std::array<int, kSmall> q;
  for (int j = 0; j < kSmall; ++j)
    q[j] = std::min(highest, static_cast<int>((values[j] - *minimum) * id + 0.5f));
  const std::uint32_t high = put_nibbles(q, block + (highest == 31 ? 8 : 4));
  if (highest == 31) std::memcpy(block + 4, &high, sizeof(high));
}

void encode_q8_0(const float* values, std::byte* block) {
  float largest = 0;
  for (int j = 0; j < kSmall; ++j) largest = std::max(largest, std::fabs(values[j]));
  const float id = put_scale(block, largest / 127.0f, BlockType::q8_0);
  for (int j = 0; j < kSmall; ++j)
    block[2 + j] = static_cast<std::byte>(static_cast<std::int8_t>(std::round(values[j] * id)));
}

template <void (*encode)(const float*, std::byte*)>
void encode_all(const Format& format, const float* values, std::byte* blocks, std::size_t count) {
  for (std::size_t i = 0; i < count; i += format.elements, blocks += format.bytes) encode(values + i, blocks);
}

}  // namespace

std::string_view name_of(BlockType type) { return format_of(type).name; }
std::size_t block_elements(BlockType type) { return format_of(type).elements; }
std::size_t block_bytes(BlockType type) { return format_of(type).bytes; }
bool can_quantize(BlockType type) { return type <= BlockType::q8_0; }

void dequantize_blocks(BlockType type, const std::byte* blocks, float* values, std::size_t count) {
  const Format& format = format_of(type);
  switch (type) {
    case BlockType::q4_0:
      return decode_all<decode_q4_0>(format, blocks, values, count);
    case BlockType::q4_1:
      return decode_all<decode_q4_1>(format, blocks, values, count);
    case BlockType::q5_0:
      return decode_all<decode_q5_0>(format, blocks, values, count);
    case BlockType::q5_1:
      return decode_all<decode_q5_1>(format, blocks, values, count);
    case BlockType::q8_0:
      return decode_all<decode_q8_0>(format, blocks, values, count);
    case BlockType::q2_k:
      return decode_all<decode_q2_k>(format, blocks, values, count);
    case BlockType::q3_k:
      return decode_all<decode_q3_k>(format, blocks, values, count);
    case BlockType::q4_k:
      return decode_all<decode_q4_k>(format, blocks, values, count);
    case BlockType::q5_k:
      return decode_all<decode_q5_k>(format, blocks, values, count);
    case BlockType::q6_k:
      return decode_all<decode_q6_k>(format, blocks, values, count);
  }
}

void quantize_blocks(BlockType type, const float* values, std::byte* blocks, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i)
    if (!std::isfinite(values[i]))
      throw ArgumentError("it holds NaN or infinity at element " + std::to_string(i));
  const Format& format = format_of(type);
  switch (type) {
    case BlockType::q4_0:
      return encode_all<encode_symmetric<BlockType::q4_0, 8>>(format, values, blocks, count);
    case BlockType::q4_1:
      return encode_all<encode_affine<BlockType::q4_1, 15>>(format, values, blocks, count);
    case BlockType::q5_0:
      return encode_all<encode_symmetric<BlockType::q5_0, 16>>(format, values, blocks, count);
    case BlockType::q5_1:
      return encode_all<encode_affine<BlockType::q5_1, 31>>(format, values, blocks, count);
    case BlockType::q8_0:
      return encode_all<encode_q8_0>(format, values, blocks, count);
    default:
      throw Error("no weights are quantized to " + std::string(format.name));
  }
}

std::shared_ptr<const BlockEncoding> BlockEncoding::of(BlockType type) {
  static const auto all = [] {
    std::array<std::shared_ptr<const BlockEncoding>, kBlockTypes.size()> encodings;
    std::ranges::transform(kBlockTypes, encodings.begin(),
                           [](BlockType each) { return std::make_shared<const BlockEncoding>(each); });
    return encodings;
  }();
  return all.at(static_cast<std::size_t>(type));
}

void BlockEncoding::decode(std::span<const std::byte> bytes, std::int64_t first, std::int64_t count,
                           float* values) const {
  const auto offset = static_cast<std::size_t>(first / group_elements() * group_bytes());
  dequantize_blocks(type_, bytes.data() + offset, values, static_cast<std::size_t>(count));
}

}  // namespace sd35
