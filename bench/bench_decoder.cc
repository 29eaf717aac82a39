// The autoencoder's decoder on random weights of full size, in every way: seconds, processor time, how much memory
// its maps take at most, and how far the picture is from the whole one.
//   bench_decoder HEIGHT WIDTH f32|bf16 [WAY...]      WAY: whole, two, one, none (maps kept), or the side of tiles
// Each way has a process of its own.
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "core/buffer_pool.h"
#include "ops/ops.h"
#include "vae/autoencoder.h"
#include "vae/tiling.h"
#include "weights/parameters.h"

namespace sd35 {
namespace {

Tensor random_normal(const Shape& shape, unsigned seed, double deviation) {
  Tensor x(shape, DType::f32);
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal(0, static_cast<float>(deviation));
  std::generate_n(x.data<float>(), x.numel(), [&] { return normal(generator); });
  return x;
}

class RandomWeights : public ParameterVisitor {
 public:
  explicit RandomWeights(const Ops& ops) : ops_(ops) {}
  void parameter(const ParameterSpec& spec, Tensor& tensor) override {
    const auto inputs = static_cast<double>(spec.shape.numel() / spec.shape[0]);
    tensor = random_normal(spec.shape, ++count_, spec.shape.rank() > 1 ? 1 / std::sqrt(inputs) : 0.1);
    if (spec.kind != ParameterKind::norm_scale) return;
    for (std::int64_t i = 0; i < tensor.numel(); ++i) tensor.data<float>()[i] += 1;
  }
  void linear_done(Linear& layer) override { ops_.prepare(layer, Reuse::many); }
  void conv_done(Conv2d& conv) override { ops_.prepare(conv); }

 private:
  const Ops& ops_;
  unsigned count_ = 0;
};

// Megabytes of a line of /proc/self/status.
double memory(const std::string& key) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(key)) return 1.024e-3 * std::atof(line.substr(key.size()).c_str());
  return 0;
}

double processor_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

Tensor decode(const Ops& ops, VaeConfig config, const VaeDecoder& decoder, const Tensor& latents,
              const std::string& way) {
  if (way == "whole") return decoder.forward(ops, latents, trim_pool);
  if (way == "two") return decoder.forward(ops, latents, trim_pool, KeptMaps::two);
  if (way == "one") return decoder.forward(ops, latents, trim_pool, KeptMaps::one);
  if (way == "none") return decoder.forward(ops, latents, trim_pool, KeptMaps::none);
  config.sample_size = std::atoi(way.c_str());
  return decode_tiled(ops, config, decoder, latents, trim_pool);
}

void run(const std::string& way, std::int64_t height, std::int64_t width, DType dtype,
         std::span<float> picture) {
  const auto ops = make_native_ops(dtype);
  const VaeConfig config;
  VaeDecoder decoder(config);
  RandomWeights weights(*ops);
  decoder.parameters(Parameters(weights));
  const Tensor latents =
      random_normal({1, config.latent_channels, height / config.scale(), width / config.scale()}, 1, 1);
  trim_pool();
  const double before = memory("VmRSS:"), processor = processor_seconds();
  const auto start = std::chrono::steady_clock::now();
  std::ofstream("/proc/self/clear_refs") << "5";  // forgets the peak so far
  const Tensor decoded = decode(*ops, config, decoder, latents, way);
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;
  std::printf("%ld x %ld, %s, %-5s  %7.1f s, %7.1f s of processors, maps %7.1f MB", static_cast<long>(height),
              static_cast<long>(width), dtype == DType::f32 ? "f32" : "bf16", way.c_str(), wall.count(),
              processor_seconds() - processor, memory("VmHWM:") - before);
  std::ranges::copy(decoded.floats(), picture.begin());
}

// Of pictures of 8 bits, in dB.
double psnr(std::span<const float> a, std::span<const float> b) {
  const auto level = [](float x) { return std::round(255 * std::clamp((x + 1.0) / 2, 0.0, 1.0)); };
  double squares = 0;
  for (std::size_t i = 0; i < a.size(); ++i) squares += std::pow(level(a[i]) - level(b[i]), 2);
  return 10 * std::log10(255.0 * 255.0 * static_cast<double>(a.size()) / squares);
}

int bench(int count, char** arguments) {
  if (count < 4) {
    std::fprintf(stderr, "bench_decoder HEIGHT WIDTH f32|bf16 [whole|two|one|none|SIDE]...\n");
    return 2;
  }
  const std::int64_t height = std::atol(arguments[1]), width = std::atol(arguments[2]);
  const DType dtype = std::string(arguments[3]) == "f32" ? DType::f32 : DType::bf16;
  std::vector<std::string> ways(arguments + 4, arguments + count);
  if (ways.empty()) ways = {"whole", "two", "one", "none", "512", "256"};
  const auto values = static_cast<std::size_t>(3 * height * width);
  std::vector<float> first;
  void* const shared =
      mmap(nullptr, values * sizeof(float), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) return 1;
  const std::span picture(static_cast<float*>(shared), values);
  for (const std::string& way : ways) {
    if (const pid_t child = fork(); child == 0) {
      run(way, height, width, dtype, picture);
      std::fflush(stdout);
      _exit(0);
    } else if (int status = 0; waitpid(child, &status, 0) != child || status != 0) {
      return 1;
    }
    if (first.empty()) first.assign(picture.begin(), picture.end());
    const bool same = std::ranges::equal(first, picture);
    if (same)
      std::puts(", the same bits");
    else
      std::printf(", PSNR %.1f dB\n", psnr(first, picture));
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace
}  // namespace sd35

int main(int argc, char** argv) { return sd35::bench(argc, argv); }
