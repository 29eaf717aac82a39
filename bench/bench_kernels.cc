// The kernels of the native engine at the sizes of SD3.5 Medium: attention in GFLOP/s and as a share of this
// machine's ceiling, measured at the start of the same run; kernels over rows in GB/s read and written.
//
//   bench_kernels [--benchmark_filter=attention/bf16]     SD35_ISA=avx2 bench_kernels
#include <benchmark/benchmark.h>

#include <functional>
#include <string>

#include "core/ceiling.h"
#include "core/cpu.h"
#include "core/tensor.h"
#include "core/threads.h"
#include "ops/native/kernels/attention.h"
#include "ops/native/kernels/rows.h"

namespace {

using namespace sd35::kernels;
using sd35::DType;
using sd35::Tensor;

Element element_of(DType dtype) { return dtype == DType::f32 ? Element::f32 : Element::bf16; }

Tensor filled(sd35::Shape shape, DType dtype) {
  Tensor x(std::move(shape), DType::f32);
  for (std::int64_t i = 0; i < x.numel(); ++i)
    x.data<float>()[i] = static_cast<float>((i * 7919) % 199 - 99) * 0x1p-6f;
  return x.to(dtype);
}

using benchmark::Counter;
using benchmark::State;

template <class Body>
void add(const std::string& name, Body body) {
  benchmark::RegisterBenchmark(name.c_str(), body)->UseRealTime()->Unit(benchmark::kMillisecond);
}

struct AttentionShape {
  std::string name;
  std::int64_t batch, heads, tokens, head_size;
  bool norms;
};

void run_attention(State& state, const AttentionShape& shape, DType dtype, double ceiling) {
  const std::int64_t width = shape.heads * shape.head_size;
  const Tensor qkv = filled({shape.batch, shape.tokens, 3 * width}, dtype);
  const Tensor norm = filled({shape.head_size}, DType::f32);
  Tensor result({shape.batch, shape.tokens, width}, dtype);
  const float* weight = shape.norms ? norm.data<float>() : nullptr;
  const AttentionTokens tokens{
      {qkv.raw(), element_of(dtype)}, shape.tokens, weight, weight, {result.raw(), element_of(dtype)}};
  const AttentionSizes sizes{
      .batch = shape.batch, .heads = shape.heads, .head_size = shape.head_size, .scale = 0.125f};
  while (state.KeepRunning()) attention({&tokens, 1}, sizes);
  const auto products = static_cast<double>(shape.batch * shape.tokens * shape.tokens * width);
  const double gflops = 4e-9 * products * static_cast<double>(state.iterations());
  state.counters["GFLOP/s"] = Counter(gflops, Counter::kIsRate);
  state.counters["ceiling%"] = Counter(100 * gflops / ceiling, Counter::kIsRate);
}

void add_attention() {
  const double f32 = sd35::f32_ceiling_gflops(), bf16 = sd35::bf16_ceiling_gflops();
  benchmark::AddCustomContext("f32 ceiling, GFLOP/s", std::to_string(f32));
  benchmark::AddCustomContext("bf16 ceiling, GFLOP/s", std::to_string(bf16));
  const AttentionShape shapes[] = {
      {"joint_512px", 2, 24, 1357, 64, true},    {"joint_1024px", 2, 24, 4429, 64, true},
      {"image_512px", 2, 24, 1024, 64, true},    {"image_1024px", 2, 24, 4096, 64, true},
      {"decoder_512px", 1, 1, 4096, 512, false}, {"decoder_1024px", 1, 1, 16384, 512, false}};
  for (const DType dtype : {DType::bf16, DType::f32})
    for (const AttentionShape& shape : shapes) {
      const bool in_bf16 = dtype == DType::bf16 && sd35::has_bf16_instructions();
      add("attention/" + std::string(name_of(dtype)) + "/" + shape.name,
          [=](State& state) { run_attention(state, shape, dtype, in_bf16 ? bf16 : f32); });
    }
}

// Rows and width of the tokens at 1024 x 1024, and pixels and channels of the decoder's last block at 512.
constexpr std::int64_t kRows = 8192, kWidth = 1536, kPixels = 512 * 512, kChannels = 128;

// Body(x, y, first row, rows) on ranges of rows, dealt out to the threads as the engine does.
using RowBody = std::function<void(In, Out, std::int64_t)>;

void run_rows(State& state, DType from, DType to, std::int64_t rows, std::int64_t width, bool in_place,
              const RowBody& body) {
  const Tensor x = filled({rows, width}, from);
  Tensor y = filled({rows, width}, to);
  while (state.KeepRunning())
    sd35::parallel_for(rows, 16, [&](std::int64_t begin, std::int64_t end) {
      const auto offset = [&](DType dtype) {
        return begin * width * static_cast<std::int64_t>(size_of(dtype));
      };
      body({static_cast<const std::byte*>(x.raw()) + offset(from), element_of(from)},
           {static_cast<std::byte*>(y.raw()) + offset(to), element_of(to)}, end - begin);
    });
  const auto bytes = static_cast<double>(x.bytes() + (in_place ? 2 : 1) * y.bytes());
  state.counters["GB/s"] = Counter(1e-9 * bytes * static_cast<double>(state.iterations()), Counter::kIsRate);
}

void add_rows(const std::string& name, std::int64_t rows, std::int64_t width, const RowBody& body,
              bool in_place = false) {
  for (const DType from : {DType::f32, DType::bf16})
    for (const DType to : {DType::f32, DType::bf16})
      add(name + "/" + std::string(name_of(from)) + "-" + std::string(name_of(to)),
          [=](State& state) { run_rows(state, from, to, rows, width, in_place, body); });
}

void add_all_rows() {
  static const Tensor vector = filled({kWidth}, DType::f32);
  static const float* weight = vector.data<float>();
  add_rows("norm_modulate", kRows, kWidth, [](In x, Out y, std::int64_t rows) {
    row_kernels().layer_norm(x, y, rows, kWidth, weight, 1.0f, weight, 1e-6f);
  });
  add_rows("rms_norm", kRows, kWidth,
           [](In x, Out y, std::int64_t rows) { row_kernels().rms_norm(x, y, rows, kWidth, weight, 1e-6f); });
  add_rows(
      "gated_add", kRows, kWidth,
      [](In x, Out y, std::int64_t rows) { row_kernels().gated_add(y, x, rows, kWidth, weight); }, true);
  add_rows("convert", kRows, kWidth,
           [](In x, Out y, std::int64_t rows) { row_kernels().convert(x, y, rows * kWidth); });
  const std::pair<const char*, Function> functions[] = {{"silu", Function::silu},
                                                        {"gelu", Function::gelu},
                                                        {"gelu_tanh", Function::gelu_tanh},
                                                        {"quick_gelu", Function::quick_gelu},
                                                        {"relu", Function::relu}};
  for (const auto& [name, function] : functions)
    add_rows(name, kRows, kWidth, [f = function](In x, Out y, std::int64_t rows) {
      row_kernels().activate(x, y, rows * kWidth, f);
    });
  add_rows("scale_shift_silu", kPixels, kChannels, [](In x, Out y, std::int64_t pixels) {
    row_kernels().scale_shift(x, y, pixels, kChannels, weight, weight, Function::silu);
  });
}

void add_channel_sums() {
  for (const DType dtype : {DType::f32, DType::bf16})
    add("channel_sums/" + std::string(name_of(dtype)), [=](State& state) {
      const Tensor x = filled({kPixels, kChannels}, dtype), pivot = filled({kChannels}, DType::f32);
      while (state.KeepRunning())
        sd35::parallel_for(kPixels, 1024, [&](std::int64_t begin, std::int64_t end) {
          double sums[kChannels] = {}, squares[kChannels] = {};
          const auto* first = static_cast<const std::byte*>(x.raw()) +
                              begin * kChannels * static_cast<std::int64_t>(size_of(dtype));
          row_kernels().channel_sums({first, element_of(dtype)}, end - begin, kChannels, pivot.data<float>(),
                                     sums, squares);
          benchmark::DoNotOptimize(sums);
          benchmark::DoNotOptimize(squares);
        });
      state.counters["GB/s"] = Counter(
          1e-9 * static_cast<double>(x.bytes()) * static_cast<double>(state.iterations()), Counter::kIsRate);
    });
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::AddCustomContext("threads", std::to_string(sd35::thread_count()));
  benchmark::AddCustomContext("instructions", sd35::name_of(sd35::isa_level()));
  add_attention();
  add_all_rows();
  add_channel_sums();
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
