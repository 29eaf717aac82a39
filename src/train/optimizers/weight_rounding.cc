#include "train/optimizers/weight_rounding.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <bit>
#include <cstdint>

#include "core/threads.h"

namespace sd35::train {
namespace {

constexpr float kLargest = 448;     // of e4m3
constexpr int kLeastExponent = -6;  // of a normal number; below it steps are even
constexpr int kMantissaBits = 3;

bool is_rounded(const ParameterSpec& spec) {
  return spec.shape.rank() == 2 && spec.names.front().starts_with("transformer_blocks.") &&
         (spec.kind == ParameterKind::linear || spec.kind == ParameterKind::modulation);
}

}  // namespace

void round_to_f8_e4m3(std::span<float> values) {
  constexpr std::uint32_t bias = 127, mantissa = 23;
  constexpr std::uint32_t least = bias + static_cast<std::uint32_t>(kLeastExponent);
  for (float& value : values) {
    const float x = std::clamp(value, -kLargest, kLargest);
    const std::uint32_t exponent = std::max((std::bit_cast<std::uint32_t>(x) >> mantissa) & 0xffu, least);
    // Added to 1.5 2^(e + 20), an f32 keeps no less than a step of 2^(e - 3).
    const auto large = std::bit_cast<float>(((exponent + mantissa - kMantissaBits) << mantissa) | 0x400000u);
    value = (x + large) - large;
  }
}

at::Tensor rounded_to_f8_e4m3(const at::Tensor& values) {
  const at::Tensor x = values.clamp(-kLargest, kLargest);
  const at::Tensor exponent = std::get<1>(at::frexp(x)) - 1;  // x = [1, 2) 2^exponent
  const at::Tensor step = at::ldexp(at::ones_like(x), exponent.clamp_min(kLeastExponent) - kMantissaBits);
  return at::round(x / step) * step;
}

void round_matrices(const ParameterStore& store, at::Tensor flat) {
  constexpr std::int64_t each = 1 << 14;
  for (const StoredParameter& parameter : store.parameters()) {
    if (!is_rounded(parameter.spec)) continue;
    const std::int64_t count = parameter.spec.shape.numel();
    at::Tensor part = flat.narrow(0, parameter.offset, count);
    if (!flat.is_cpu()) {
      part.copy_(rounded_to_f8_e4m3(part));
      continue;
    }
    auto* const values = part.data_ptr<float>();
    parallel_for(count, each, [&](std::int64_t begin, std::int64_t end) {
      round_to_f8_e4m3({values + begin, static_cast<std::size_t>(end - begin)});
    });
  }
}

}  // namespace sd35::train
