#include "core/random.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/error.h"
#include "core/philox.h"
#include "core/torch_normal.h"

namespace sd35 {
namespace {

constexpr std::size_t kBlock = 16;

float round_to(DType dtype, float value) {
  switch (dtype) {
    case DType::f32:
      return value;
    case DType::f16:
      return to_float(to_f16(value));
    case DType::bf16:
      return to_float(to_bf16(value));
    default:
      throw ArgumentError("cannot draw noise in " + std::string(name_of(dtype)) + "; use f32, f16 or bf16");
  }
}

template <class T>
void widen(std::span<const T> values, std::span<float> out) {
  std::transform(values.begin(), values.end(), out.begin(), [](T value) { return to_float(value); });
}

// curand_normal4: two Box-Muller pairs, sine first.
std::array<float, 4> normal4(const PhiloxCounter& words) {
  constexpr float kTwoPi = 2 * std::numbers::pi;
  std::array<float, 4> values{};
  for (int pair = 0; pair < 4; pair += 2) {
    const float u = static_cast<float>(words[pair]) * 0x1p-32f + 0x1p-33f;
    const float angle = static_cast<float>(words[pair + 1]) * (0x1p-32f * kTwoPi) + 0x1p-33f * kTwoPi;
    const float radius = std::sqrt(-2 * std::log(u));
    values[pair] = radius * std::sin(angle);
    values[pair + 1] = radius * std::cos(angle);
  }
  return values;
}

std::uint32_t low(std::uint64_t value) { return static_cast<std::uint32_t>(value); }
std::uint32_t high(std::uint64_t value) { return static_cast<std::uint32_t>(value >> 32); }

}  // namespace

double TorchGenerator::uniform_double() {
  const std::uint64_t first = engine_();
  const std::uint64_t bits = first << 32 | engine_();
  return static_cast<double>(bits & ((1ull << 53) - 1)) * 0x1p-53;
}

double TorchGenerator::next_normal() {
  if (spare_) return *std::exchange(spare_, std::nullopt);
  const double u1 = uniform_double(), u2 = uniform_double();
  const double radius = std::sqrt(-2 * std::log1p(-u2));
  const double angle = 2 * std::numbers::pi * u1;
  spare_ = radius * std::sin(angle);
  return radius * std::cos(angle);
}

void TorchGenerator::normal(std::span<float> out) {
  if (out.size() < kBlock) {
    for (float& value : out) value = static_cast<float>(next_normal());
    return;
  }
  for (float& value : out) value = uniform();
  for (std::size_t i = 0; i + kBlock <= out.size(); i += kBlock)
    box_muller_16(out.subspan(i).first<kBlock>());
  if (out.size() % kBlock == 0) return;
  // What does not fill a block is drawn again together with the end of the last full one.
  const auto tail = out.last<kBlock>();
  for (float& value : tail) value = uniform();
  box_muller_16(tail);
}

template <class T, class Round>
void TorchGenerator::normal_rounded(std::span<T> out, Round round) {
  if (out.size() < kBlock) {
    for (T& value : out) value = round(static_cast<float>(next_normal()));
    return;
  }
  // Unlike in f32, the incomplete block takes no uniforms before the tail is drawn.
  std::array<float, kBlock> block;
  const auto draw = [&](std::size_t offset) {
    for (float& value : block) value = uniform();
    box_muller_16(block);
    std::transform(block.begin(), block.end(), out.begin() + static_cast<std::ptrdiff_t>(offset), round);
  };
  for (std::size_t i = 0; i + kBlock <= out.size(); i += kBlock) draw(i);
  if (out.size() % kBlock != 0) draw(out.size() - kBlock);
}

void TorchGenerator::normal_f16(std::span<f16> out) { normal_rounded(out, to_f16); }
void TorchGenerator::normal_bf16(std::span<bf16> out) { normal_rounded(out, to_bf16); }

CudaGenerator::CudaGenerator(std::uint64_t seed, std::uint64_t threads) : seed_(seed), threads_(threads) {
  if (threads < 256 || threads > kUnlimited)
    throw ArgumentError("a CUDA device with " + std::to_string(threads) +
                        " threads; give its multiprocessors times their resident threads, 256 or more");
}

void CudaGenerator::normal(std::span<float> out) {
  if (out.empty()) return;
  const PhiloxKey key = {low(seed_), high(seed_)};
  // A thread makes four values per call and stores them `threads_` elements apart.
  for (std::uint64_t base = 0, call = offset_ / 4; base < out.size(); base += 4 * threads_, ++call) {
    for (std::uint64_t thread = 0; thread < threads_ && base + thread < out.size(); ++thread) {
      const auto values = normal4(philox4x32({low(call), high(call), low(thread), high(thread)}, key));
      for (std::uint64_t i = 0, e = base + thread; i < 4 && e < out.size(); ++i, e += threads_)
        out[e] = values[i];
    }
  }
  offset_ += 4 * ((out.size() - 1) / (4 * threads_) + 1);
}

RandomSource random_source_from_name(std::string_view name) {
  if (name == "cpu") return RandomSource::torch_cpu;
  if (name == "cuda") return RandomSource::torch_cuda;
  throw ArgumentError("unknown generator '" + std::string(name) + "'; known: cpu, cuda");
}

NormalGenerator::NormalGenerator(RandomSource source, std::uint64_t seed) : generator_(TorchGenerator(seed)) {
  if (source == RandomSource::torch_cuda) generator_ = CudaGenerator(seed);
}

void NormalGenerator::next(DType dtype, std::span<float> out) {
  round_to(dtype, 0);  // refuses a type before any work
  if (auto* cuda = std::get_if<CudaGenerator>(&generator_)) {
    cuda->normal(out);
    for (float& value : out) value = round_to(dtype, value);
    return;
  }
  auto& torch = std::get<TorchGenerator>(generator_);
  if (dtype == DType::f32) {
    torch.normal(out);
  } else if (dtype == DType::f16) {
    std::vector<f16> values(out.size());
    torch.normal_f16(values);
    widen<f16>(values, out);
  } else {
    std::vector<bf16> values(out.size());
    torch.normal_bf16(values);
    widen<bf16>(values, out);
  }
}

}  // namespace sd35
