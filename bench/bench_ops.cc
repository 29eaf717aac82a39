// The operations of one denoising step of SD3.5 Medium and of its VAE decoder on the native engine: GFLOP/s
// and the share of this machine's ceiling, measured at the start of the same run.
//
//   bench_ops [--benchmark_filter=linear/bf16]
#include <benchmark/benchmark.h>

#include <array>
#include <string>
#include <vector>

#include "core/ceiling.h"
#include "core/threads.h"
#include "ops/ops.h"

namespace {

using sd35::Activation;
using sd35::Conv2d;
using sd35::DType;
using sd35::Linear;
using sd35::LowRankUpdate;
using sd35::Ops;
using sd35::Reuse;
using sd35::Tensor;
using sd35::WeightFormat;

struct LinearShape {
  std::string name;
  std::int64_t in, out;
  Activation act = Activation::none;
  std::int64_t fused = 1;  // layers that are one here, each with an adapter of its own
  std::int64_t rank = 0;   // of the adapters; 0: none
};

// Of every block, for image and text.
const std::array kBlockLayers{LinearShape{"qkv", 1536, 4608},
                              LinearShape{"proj", 1536, 1536},
                              LinearShape{"fc1", 1536, 6144, Activation::gelu_tanh},
                              LinearShape{"fc2", 6144, 1536},
                              LinearShape{"qkv_lora32", 1536, 4608, Activation::none, 3, 32},
                              LinearShape{"proj_lora32", 1536, 1536, Activation::none, 1, 32}};
// Rows of a batch of two under guidance: text, image at 512 x 512, image at 1024 x 1024.
constexpr std::array<std::int64_t, 3> kRows{666, 2048, 8192};

struct ConvShape {
  std::int64_t side, in, out;
  int kernel = 3;
};

// Of the decoder at 512 x 512.
constexpr std::array kConvolutions{
    ConvShape{64, 16, 512},   ConvShape{64, 512, 512},     ConvShape{128, 512, 512}, ConvShape{256, 512, 512},
    ConvShape{256, 512, 256}, ConvShape{256, 512, 256, 1}, ConvShape{256, 256, 256}, ConvShape{512, 256, 256},
    ConvShape{512, 256, 128}, ConvShape{512, 256, 128, 1}, ConvShape{512, 128, 128}, ConvShape{512, 128, 3}};

struct Machine {
  double f32_gflops = sd35::f32_ceiling_gflops();
  double bf16_gflops = sd35::bf16_ceiling_gflops();
  double int8_gops = sd35::int8_ceiling_gops();
  double ceiling(DType dtype) const { return dtype == DType::f32 ? f32_gflops : bf16_gflops; }
};

Tensor filled(sd35::Shape shape, DType dtype, float step = 0x1p-8f) {
  Tensor x(std::move(shape), DType::f32);
  for (std::int64_t i = 0; i < x.numel(); ++i) x.data<float>()[i] = static_cast<float>(i % 199 - 99) * step;
  return x.to(dtype);
}

void report(benchmark::State& state, double flops, double bytes, double ceiling) {
  const double gflops = flops * static_cast<double>(state.iterations()) * 1e-9;
  using benchmark::Counter;
  state.counters["GFLOP/s"] = Counter(gflops, Counter::kIsRate);
  state.counters["ceiling%"] = Counter(100 * gflops / ceiling, Counter::kIsRate);
  state.counters["weight_GB/s"] =  // before it was quantized
      Counter(bytes * static_cast<double>(state.iterations()) * 1e-9, Counter::kIsRate);
}

// How a weight is kept, and the most the machine can do with it.
struct Kind {
  std::string name;
  double ceiling;
  WeightFormat format = WeightFormat::dense;
};

void run_linear(benchmark::State& state, const Ops& ops, const LinearShape& shape, std::int64_t rows,
                Reuse reuse, const Kind& kind) {
  Linear layer;
  layer.in_features = shape.in;
  layer.out_features = shape.out;
  // Small, so that activations get what they get in a model: the tails of GELU are denormal, and slow.
  layer.weight = filled({shape.out, shape.in}, ops.compute_type(), 0x1p-13f);
  layer.bias = filled({shape.out}, DType::f32);
  const auto bytes = static_cast<double>(layer.weight.bytes());
  layer.quantized = sd35::quantize(layer.weight, kind.format);
  if (layer.quantized != nullptr) layer.weight = {};
  ops.prepare(layer, reuse);
  std::vector<LowRankUpdate> updates;
  for (std::int64_t i = 0; shape.rank > 0 && i < shape.fused; ++i) {
    const std::int64_t rows = shape.out / shape.fused;
    updates.push_back(
        {filled({shape.rank, shape.in}, DType::f32), filled({rows, shape.rank}, DType::f32), 1.0f, i * rows});
  }
  ops.attach(layer, std::move(updates));
  const Tensor x = filled({rows, shape.in}, ops.compute_type());
  while (state.KeepRunning()) benchmark::DoNotOptimize(ops.linear(x, layer, shape.act).raw());
  report(state, 2.0 * static_cast<double>(rows * shape.in * shape.out), bytes, kind.ceiling);
}

void run_conv2d(benchmark::State& state, const Ops& ops, const ConvShape& shape, double ceiling) {
  Conv2d conv;
  conv.in_channels = shape.in;
  conv.out_channels = shape.out;
  conv.kernel = shape.kernel;
  conv.pad_before = conv.pad_after = shape.kernel / 2;
  conv.weight = filled({shape.out, shape.in, shape.kernel, shape.kernel}, ops.compute_type());
  conv.bias = filled({shape.out}, DType::f32);
  const auto bytes = static_cast<double>(conv.weight.bytes());
  ops.prepare(conv);
  const Tensor x = filled({1, shape.side, shape.side, shape.in}, ops.compute_type());
  while (state.KeepRunning()) benchmark::DoNotOptimize(ops.conv2d(x, conv).raw());
  const auto taps = static_cast<double>(shape.kernel * shape.kernel * shape.in * shape.out);
  report(state, 2.0 * static_cast<double>(shape.side * shape.side) * taps, bytes, ceiling);
}

template <class Body>
void add(const std::string& name, Body body) {
  benchmark::RegisterBenchmark(name.c_str(), body)->UseRealTime()->Unit(benchmark::kMillisecond);
}

void add_linear(const Ops& ops, const LinearShape& shape, std::int64_t rows, Reuse reuse, const Kind& kind) {
  const std::string name = "linear/" + kind.name + "/" + shape.name + "/" + std::to_string(rows) +
                           (reuse == Reuse::once ? "/once" : "");
  add(name, [&ops, shape, rows, reuse, kind](benchmark::State& state) {
    run_linear(state, ops, shape, rows, reuse, kind);
  });
}

void add_block_layers(const Ops& ops, const Kind& kind) {
  for (const std::int64_t rows : kRows)
    for (const LinearShape& shape : kBlockLayers) add_linear(ops, shape, rows, Reuse::many, kind);
}

void add_all(const Ops& ops, double ceiling) {
  const std::string type(sd35::name_of(ops.compute_type()));
  const Kind kind{type, ceiling};
  add_block_layers(ops, kind);
  for (const Reuse reuse : {Reuse::many, Reuse::once})
    add_linear(ops, {"modulation", 1536, 13824}, 2, reuse, kind);
  for (const LinearShape& shape : {LinearShape{"t5_wi", 4096, 10240}, LinearShape{"t5_wo", 10240, 4096}})
    add_linear(ops, shape, 512, Reuse::once, kind);
  for (const ConvShape& shape : kConvolutions)
    add("conv2d/" + type + "/" + std::to_string(shape.side) + "x" + std::to_string(shape.side) + "/" +
            std::to_string(shape.in) + "-" + std::to_string(shape.out) + "/kernel" +
            std::to_string(shape.kernel),
        [&ops, shape, ceiling](benchmark::State& state) { run_conv2d(state, ops, shape, ceiling); });
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  const Machine machine;
  benchmark::AddCustomContext("threads", std::to_string(sd35::thread_count()));
  benchmark::AddCustomContext("f32 ceiling, GFLOP/s", std::to_string(machine.f32_gflops));
  benchmark::AddCustomContext("bf16 ceiling, GFLOP/s", std::to_string(machine.bf16_gflops));
  benchmark::AddCustomContext("int8 ceiling, GOP/s", std::to_string(machine.int8_gops));
  const auto bf16 = sd35::make_native_ops(DType::bf16), f32 = sd35::make_native_ops(DType::f32);
  for (const Ops* ops : {bf16.get(), f32.get()}) add_all(*ops, machine.ceiling(ops->compute_type()));
  add_block_layers(*bf16, {"int8", machine.int8_gops, WeightFormat::int8});
  add_block_layers(*bf16, {"nf4", machine.bf16_gflops, WeightFormat::nf4});
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
