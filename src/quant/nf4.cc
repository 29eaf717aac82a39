#include "quant/nf4.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/error.h"
#include "core/threads.h"

namespace sd35 {
namespace {

// Added to the scales before they are divided by, so that a block of zeros divides by something.
constexpr float kSmallestScale = 1e-38f;

// Borders between neighbouring values.
template <std::size_t N>
std::array<float, N - 1> midpoints(const std::array<float, N>& values) {
  std::array<float, N - 1> borders{};
  for (std::size_t i = 0; i + 1 < N; ++i) borders[i] = (values[i] + values[i + 1]) / 2.0f;
  return borders;
}

float largest_magnitude(std::span<const float> values) {
  float largest = 0;
  for (const float value : values) {
    if (!std::isfinite(value)) throw ArgumentError("NaN or infinity, which 4 bits have no value for");
    largest = std::max(largest, std::fabs(value));
  }
  return largest;
}

// How many of `borders` lie below x: the index of the nearest code.
std::uint8_t index_of(float x, const std::array<float, 15>& borders) {
  int index = 0;
  for (const float border : borders) index += x > border ? 1 : 0;
  return static_cast<std::uint8_t>(index);
}

// One block: returns its scale and packs its indices.
float quantize_block(std::span<const float> values, std::int64_t block, std::uint8_t* nibbles) {
  static const std::array<float, 15> borders = midpoints(nf4_code_book());
  const bool whole = static_cast<std::int64_t>(values.size()) == block;
  float absmax = largest_magnitude(values);
  // The reference divides the last block where it is short, and multiplies the others.
  if (!whole) absmax = std::max(absmax, kSmallestScale);
  const float factor = 1.0f / std::max(absmax, kSmallestScale);
  std::array<std::uint8_t, kNf4Block> indices{};
  indices[values.size() % kNf4Block] = index_of(0.0f, borders);  // of the element that fills the last byte
  for (std::size_t i = 0; i < values.size(); ++i)
    indices[i] = index_of(std::clamp(whole ? values[i] * factor : values[i] / absmax, -1.0f, 1.0f), borders);
  for (std::size_t i = 0; i < values.size(); i += 2)
    nibbles[i / 2] = static_cast<std::uint8_t>(indices[i] << 4 | indices[i + 1]);
  return absmax;
}

// The index of the value of `map` nearest to x, the lower one of two that are equally near.
std::uint8_t nearest_index(float x, const DynamicMap& map) {
  const auto above = std::ranges::upper_bound(map, x);
  if (above == map.begin()) return 0;
  const auto left = above - 1;
  const bool right = above != map.end() && std::fabs(x - *above) < std::fabs(x - *left);
  return static_cast<std::uint8_t>((right ? above : left) - map.begin());
}

// The code of a scale x in [-1, 1]. As the reference on a CPU: x falls into one of 65536 steps, and takes the
// value nearest to the step's middle; close to 0 the map is finer than the steps.
std::uint8_t scale_code(float x) {
  constexpr int kLast = 65535;
  static const std::vector<std::uint8_t> codes = [] {
    std::vector<std::uint8_t> table(kLast + 1);
    for (int step = 0; step <= kLast; ++step)
      table[static_cast<std::size_t>(step)] =
          nearest_index(static_cast<float>(2.0 * step / kLast - 1.0), dynamic_map());
    return table;
  }();
  const float place = (std::clamp(x, -1.0f, 1.0f) + 1.0f) * 0.5f * static_cast<float>(kLast) + 0.5f;
  return codes[static_cast<std::size_t>(place)];
}

// Replaces f32 scales by 8 bits each.
void quantize_scales(FourBitWeight& weight) {
  const std::span<const float> scales = weight.absmax.floats();
  const auto count = static_cast<std::int64_t>(scales.size());
  double sum = 0;
  for (const float scale : scales) sum += scale;
  NestedScales nested;
  nested.map = dynamic_map();
  nested.offset = count == 0 ? 0.0f : static_cast<float>(sum / static_cast<double>(count));
  nested.absmax = Tensor({(count + kNestedBlock - 1) / kNestedBlock}, DType::f32);
  Tensor codes({count}, DType::u8);
  for (std::int64_t begin = 0; begin < count; begin += kNestedBlock) {
    const std::int64_t end = std::min(count, begin + kNestedBlock);
    float largest = 0;
    for (std::int64_t i = begin; i < end; ++i)
      largest = std::max(largest, std::fabs(scales[i] - nested.offset));
    nested.absmax.data<float>()[begin / kNestedBlock] = largest;
    const float factor = 1.0f / std::max(largest, kSmallestScale);
    for (std::int64_t i = begin; i < end; ++i)
      codes.data<std::uint8_t>()[i] =
          largest == 0 ? std::uint8_t{0} : scale_code((scales[i] - nested.offset) * factor);
  }
  weight.absmax = std::move(codes);
  weight.nested = std::move(nested);
}

DynamicMap make_dynamic_map() {
  DynamicMap map{};
  std::size_t next = 0;
  map[next++] = 0.0f;
  map[next++] = 1.0f;
  for (int exponent = 0; exponent < 7; ++exponent) {
    // Midpoints of 2^exponent equal intervals of [0.1, 1], in the arithmetic of torch.linspace.
    const int intervals = 1 << exponent;
    const float step = (1.0f - 0.1f) / static_cast<float>(intervals);
    const auto border = [&](int i) {
      return i <= intervals / 2 ? std::fma(step, static_cast<float>(i), 0.1f)
                                : std::fma(-step, static_cast<float>(intervals - i), 1.0f);
    };
    const auto power = static_cast<float>(std::pow(10.0, exponent - 6));
    for (int i = 0; i < intervals; ++i) {
      const float value = power * ((border(i) + border(i + 1)) / 2.0f);
      map[next++] = value;
      map[next++] = -value;
    }
  }
  std::ranges::sort(map);
  return map;
}

}  // namespace

const CodeBook& nf4_code_book() {
  static constexpr CodeBook code = {-1.0f,
                                    -0.6961928009986877f,
                                    -0.5250730514526367f,
                                    -0.39491748809814453f,
                                    -0.28444138169288635f,
                                    -0.18477343022823334f,
                                    -0.09105003625154495f,
                                    0.0f,
                                    0.07958029955625534f,
                                    0.16093020141124725f,
                                    0.24611230194568634f,
                                    0.33791524171829224f,
                                    0.44070982933044434f,
                                    0.5626170039176941f,
                                    0.7229568362236023f,
                                    1.0f};
  return code;
}

const DynamicMap& dynamic_map() {
  static const DynamicMap map = make_dynamic_map();
  return map;
}

void FourBitWeight::read_scales(std::int64_t first, std::int64_t number, float* scales) const {
  if (!nested) {
    std::copy_n(absmax.data<float>() + first, number, scales);
    return;
  }
  const auto* codes = absmax.data<std::uint8_t>();
  const auto* outer = nested->absmax.data<float>();
  for (std::int64_t b = first; b < first + number; ++b)
    *scales++ = nested->map[codes[b]] * outer[b / nested->block] + nested->offset;
}

void FourBitWeight::decode(std::int64_t first, std::int64_t number, float* values) const {
  const auto* bytes = nibbles.data<std::uint8_t>();
  for (std::int64_t at = first, end = first + number; at < end;) {
    float scale = 0;
    read_scales(at / block, 1, &scale);
    for (const std::int64_t stop = std::min(end, (at / block + 1) * block); at < stop; ++at) {
      const std::uint8_t byte = bytes[at / 2];
      *values++ = code[at % 2 == 0 ? byte >> 4 : byte & 15] * scale;
    }
  }
}

FourBitWeight FourBitWeight::part(std::int64_t first, std::int64_t number) const {
  if (number == count) return *this;
  FourBitWeight result;
  result.code = code;
  result.block = block;
  result.count = number;
  result.nibbles = nibbles.rows(first / 2, (first + number) / 2);
  result.absmax = Tensor({result.blocks()}, DType::f32);
  read_scales(first / block, result.blocks(), result.absmax.data<float>());
  return result;
}

FourBitWeight quantize_nf4(std::span<const float> values, bool double_quant) {
  FourBitWeight weight;
  weight.code = nf4_code_book();
  weight.count = static_cast<std::int64_t>(values.size());
  weight.nibbles = Tensor({(weight.count + 1) / 2}, DType::u8);
  weight.absmax = Tensor({weight.blocks()}, DType::f32);
  auto* nibbles = weight.nibbles.data<std::uint8_t>();
  auto* absmax = weight.absmax.data<float>();
  parallel_for(weight.blocks(), 256, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t b = begin; b < end; ++b) {
      const auto first = static_cast<std::size_t>(b * kNf4Block);
      const std::span<const float> block =
          values.subspan(first, std::min<std::size_t>(kNf4Block, values.size() - first));
      absmax[b] = quantize_block(block, kNf4Block, nibbles + b * kNf4Block / 2);
    }
  });
  if (double_quant) quantize_scales(weight);
  return weight;
}

void FourBitEncoding::decode(std::span<const std::byte> bytes, std::int64_t first, std::int64_t count,
                             float* values) const {
  const std::int64_t begin = element_at(bytes.data()) + first;
  weight_.decode(begin, std::min(count, weight_.count - begin), values);
}

std::int64_t FourBitEncoding::element_at(const std::byte* byte) const {
  return 2 * (byte - static_cast<const std::byte*>(weight_.nibbles.raw()));
}

}  // namespace sd35
