#include "random_models/random_weights.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "core/threads.h"

namespace sd35 {
namespace {

// The finalizer of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): a bijection whose output looks random.
std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

constexpr std::uint64_t kGoldenGamma = 0x9e3779b97f4a7c15u;

// FNV-1a of the name, mixed with the seed.
std::uint64_t stream_of(std::uint64_t seed, const std::string& name) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return mix(hash + mix(seed + kGoldenGamma));
}

// Deviation 1, mean 0: four 16-bit uniform numbers, summed. Integers until the last product, so that every
// machine gets the same bits.
float bell(std::uint64_t bits) {
  constexpr int kMean = 2 * 0xffff;
  constexpr double kDeviation = 37837.227;  // sqrt(4 (2^32 - 1) / 12)
  const int sum =
      static_cast<int>((bits & 0xffff) + ((bits >> 16) & 0xffff) + ((bits >> 32) & 0xffff) + (bits >> 48));
  return static_cast<float>(static_cast<double>(sum - kMean) / kDeviation);
}

bool ends_with_any(std::string_view name, std::span<const std::string_view> endings) {
  return std::ranges::any_of(endings, [&](std::string_view ending) { return name.ends_with(ending); });
}

// Projections whose result is added to the residual stream.
constexpr std::array<std::string_view, 8> kResidualWriters{
    "to_out.0.weight",        "to_add_out.weight",        "net.2.weight", "out_proj.weight", "fc2.weight",
    "SelfAttention.o.weight", "DenseReluDense.wo.weight", "conv2.weight"};

}  // namespace

ValueRange initial_range(const std::string& name, const Shape& shape, ParameterKind kind) {
  if (kind == ParameterKind::norm_scale) return {1.0f, 0.1f};
  if (kind == ParameterKind::bias || kind == ParameterKind::norm_shift || shape.rank() < 2)
    return {0.0f, 0.02f};
  if (kind == ParameterKind::embedding) {
    const bool t5 = name.ends_with("shared.weight") || name.ends_with("relative_attention_bias.weight");
    return {0.0f, t5 ? 1.0f : 0.02f};
  }
  float gain = 1.0f;
  if (kind == ParameterKind::modulation) gain = 0.5f;
  if (ends_with_any(name, kResidualWriters)) gain = 0.6f;
  if (name.ends_with("SelfAttention.q.weight")) gain = 0.15f;
  if (name.ends_with("decoder.conv_out.weight")) gain = 0.8f;
  const auto inputs = static_cast<float>(shape.numel() / shape[0]);
  return {0.0f, gain / std::sqrt(inputs)};
}

void fill_random(std::uint64_t seed, const std::string& name, ValueRange range, std::uint64_t first,
                 std::span<float> out) {
  const std::uint64_t stream = stream_of(seed, name);
  parallel_for(static_cast<std::int64_t>(out.size()), 1 << 14, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::uint64_t counter = first + static_cast<std::uint64_t>(i);
      const float scaled = bell(mix(stream + counter * kGoldenGamma)) * range.deviation;
      out[static_cast<std::size_t>(i)] = range.mean + scaled;
    }
  });
}

}  // namespace sd35
