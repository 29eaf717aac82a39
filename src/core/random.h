// Random numbers that are torch's: a seed gives the same initial latents here and there.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <random>
#include <span>
#include <string_view>
#include <variant>

#include "core/dtype.h"

namespace sd35 {

// torch.Generator on the CPU (mt19937; ATen/CPUGeneratorImpl.cpp, cpu/DistributionTemplates.h of torch 2.13).
// Draws of one generator follow each other as in torch.
class TorchGenerator {
 public:
  // As manual_seed; the engine uses the low 32 bits only, like torch's.
  explicit TorchGenerator(std::uint64_t seed) : engine_(static_cast<std::uint32_t>(seed)) {}

  // torch.randn(out.size(), generator=g, dtype=...) of a contiguous tensor, bit for bit. f16 and bf16 are
  // computed in f32 and rounded (older versions of torch computed in the narrow type: other values for a
  // seed).
  void normal(std::span<float> out);
  void normal_f16(std::span<f16> out);
  void normal_bf16(std::span<bf16> out);

 private:
  template <class T, class Round>
  void normal_rounded(std::span<T> out, Round round);
  float uniform() { return static_cast<float>(engine_() & 0xffffffu) * 0x1p-24f; }
  double uniform_double();
  double next_normal();

  std::mt19937 engine_;
  std::optional<double> spare_;  // the second value of the last scalar Box-Muller; outlives a call
};

// torch.Generator on a CUDA device (Philox4x32-10; ATen/native/cuda/DistributionTemplates.h). The integers
// are exact; log, sin and cos are this machine's, about 1e-6 from the device's.
class CudaGenerator {
 public:
  static constexpr std::uint64_t kUnlimited = std::numeric_limits<std::uint64_t>::max() / 8;

  // `threads`: how many the device runs at once, its multiprocessors times their resident threads (H100:
  // 270336, RTX 4090: 196608). It matters only for draws with more elements than that. Throws ArgumentError
  // when it is not within [256, kUnlimited].
  explicit CudaGenerator(std::uint64_t seed, std::uint64_t threads = kUnlimited);

  // torch.randn(out.size(), generator=g, device="cuda"); the f16 and bf16 draws are these values rounded.
  void normal(std::span<float> out);

 private:
  std::uint64_t seed_;
  std::uint64_t threads_;
  std::uint64_t offset_ = 0;  // 32-bit numbers that each thread has drawn
};

enum class RandomSource : std::uint8_t { torch_cpu, torch_cuda };

// "cpu" or "cuda". Throws ArgumentError naming them.
RandomSource random_source_from_name(std::string_view name);

// The generator of one picture: its draws follow each other as those of one torch.Generator do, whatever
// types they are drawn in.
class NormalGenerator {
 public:
  NormalGenerator(RandomSource source, std::uint64_t seed);

  // torch.randn(out.size(), generator=g, dtype=dtype), widened to f32. `dtype` is f32, f16 or bf16
  // (ArgumentError otherwise, and nothing is drawn). A latent is out[C, h, w].
  void next(DType dtype, std::span<float> out);

 private:
  std::variant<TorchGenerator, CudaGenerator> generator_;
};

}  // namespace sd35
