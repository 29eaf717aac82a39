#include "core/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/error.h"
#include "tests/support/checksum.h"
#include "tests/support/file_bytes.h"

namespace sd35 {
namespace {

using Json = nlohmann::json;

const Json& goldens() {
  static const Json golden = Json::parse(file_bytes(SD35_SOURCE_DIR "/tests/golden/random.json"));
  return golden;
}

struct Draw {
  std::vector<float> values;
  std::string sum;  // of the bytes in the drawn type
};

template <class T>
Draw draw_narrow(TorchGenerator& generator, void (TorchGenerator::*normal)(std::span<T>), std::size_t size) {
  std::vector<T> values(size);
  (generator.*normal)(values);
  Draw draw{{}, checksum(values)};
  for (const T value : values) draw.values.push_back(to_float(value));
  return draw;
}

Draw draw(TorchGenerator& generator, DType dtype, std::size_t size) {
  if (dtype == DType::f16) return draw_narrow(generator, &TorchGenerator::normal_f16, size);
  if (dtype == DType::bf16) return draw_narrow(generator, &TorchGenerator::normal_bf16, size);
  std::vector<float> values(size);
  generator.normal(values);
  return {values, checksum(values)};
}

void expect_golden(TorchGenerator& generator, const Json& golden) {
  const auto [values, sum] =
      draw(generator, dtype_from_name(golden["dtype"].get<std::string>()), golden["size"]);
  const auto first = golden["first"].get<std::vector<float>>();
  const auto last = golden["last"].get<std::vector<float>>();
  EXPECT_TRUE(std::equal(first.begin(), first.end(), values.begin())) << golden;
  EXPECT_TRUE(std::equal(last.rbegin(), last.rend(), values.rbegin())) << golden;
  EXPECT_EQ(sum, golden["checksum"].get<std::string>()) << golden;
}

void expect_near(std::span<const float> values, std::vector<float> expected) {
  ASSERT_GE(values.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(values[i], expected[i], 1e-5) << i;
}

std::vector<float> cuda_draw(CudaGenerator& generator, std::size_t size) {
  std::vector<float> values(size);
  generator.normal(values);
  return values;
}

TEST(TorchGenerator, DrawsEqualTorch) {
  ASSERT_GT(goldens()["draws"].size(), 100u);
  for (const Json& entry : goldens()["draws"]) {
    TorchGenerator generator(entry["seed"].get<std::uint64_t>());
    expect_golden(generator, entry);
  }
}

TEST(TorchGenerator, SuccessiveDrawsEqualTorch) {
  TorchGenerator generator(7);
  ASSERT_GT(goldens()["sequence"].size(), 4u);
  for (const Json& entry : goldens()["sequence"]) expect_golden(generator, entry);
}

TEST(TorchGenerator, EmptyDrawTakesNothing) {
  TorchGenerator with(3), without(3);
  with.normal({});
  with.normal_f16({});
  with.normal_bf16({});
  EXPECT_EQ(draw(with, DType::f32, 20).values, draw(without, DType::f32, 20).values);
}

TEST(TorchGenerator, IsStandardNormal) {
  TorchGenerator generator(5);
  double sum = 0, squares = 0;
  constexpr int kCount = 1 << 18;
  for (const float value : draw(generator, DType::f32, kCount).values) {
    sum += value;
    squares += double{value} * value;
  }
  EXPECT_NEAR(sum / kCount, 0, 0.01);
  EXPECT_NEAR(squares / kCount, 1, 0.01);
}

TEST(CudaGenerator, FirstDrawOfKnownSeeds) {
  const std::vector<std::pair<std::uint64_t, std::vector<float>>> known = {
      {0, {-0.924662f, -0.425344f, -2.643846f, 0.145184f, -0.120867f, -0.579726f, -0.622852f, -0.328387f}},
      {23, {0.840739f, 0.712636f, 1.725901f, -0.965849f, -0.430052f, 0.070502f, -2.120072f, -2.00192f}},
      {42, {0.194019f, 2.161374f, -0.172051f, 0.84906f, -1.924399f, 0.652986f, -0.649441f, -0.817525f}},
      {1234, {-1.61649f, 0.568455f, -0.510225f, -0.911339f, -1.155517f, -0.226151f, -1.289132f, 1.065382f}}};
  for (const auto& [seed, values] : known) {
    CudaGenerator generator(seed);
    expect_near(cuda_draw(generator, 4096), values);
  }
}

TEST(CudaGenerator, SecondDrawContinuesTheFirst) {
  CudaGenerator generator(0);
  cuda_draw(generator, 4);
  expect_near(cuda_draw(generator, 4), {0.180826f, -0.552263f, 0.923813f, -0.73497f});
}

TEST(CudaGenerator, HighHalfOfTheSeedMatters) {
  CudaGenerator narrow(1), wide(1 + (1ull << 32));
  EXPECT_NE(cuda_draw(narrow, 4), cuda_draw(wide, 4));
}

// Elements beyond the device's threads take the other values of a thread's call, then of its next call.
TEST(CudaGenerator, ThreadsLimitTheFirstComponents) {
  constexpr std::uint64_t kThreads = 256;
  CudaGenerator limited(0, kThreads), unlimited(0);
  const std::vector<float> values = cuda_draw(limited, 1500);
  expect_near(std::vector{values[0], values[256], values[512], values[768], values[1024]},
              {-0.924662f, 0.991138f, -0.482069f, -0.617609f, 0.180826f});

  const std::vector<float> call0 = cuda_draw(unlimited, 256), call1 = cuda_draw(unlimited, 256);
  EXPECT_TRUE(std::equal(call0.begin(), call0.end(), values.begin()));
  EXPECT_TRUE(std::equal(call1.begin(), call1.end(), values.begin() + 1024));
  // 1500 elements took two calls of every thread.
  EXPECT_EQ(cuda_draw(limited, 256), cuda_draw(unlimited, 256));

  CudaGenerator exact(0, kThreads);
  cuda_draw(exact, 4 * kThreads);  // fills one call of every thread
  EXPECT_EQ(cuda_draw(exact, 256), call1);
}

TEST(CudaGenerator, RefusesImpossibleDevices) {
  EXPECT_THROW(CudaGenerator(0, 0), ArgumentError);
  EXPECT_THROW(CudaGenerator(0, ~0ull), ArgumentError);
  CudaGenerator generator(0);
  generator.normal({});
  expect_near(cuda_draw(generator, 1), {-0.924662f});
}

std::vector<float> next(NormalGenerator& generator, DType dtype, std::size_t size) {
  std::vector<float> values(size);
  generator.next(dtype, values);
  return values;
}

TEST(NormalGenerator, DrawsFollowEachOtherAsTorchs) {
  NormalGenerator generator(RandomSource::torch_cpu, 7);
  for (const Json& entry : goldens()["sequence"]) {
    const auto values =
        next(generator, dtype_from_name(entry["dtype"].get<std::string>()), entry["size"].get<std::size_t>());
    const auto first = entry["first"].get<std::vector<float>>();
    const auto last = entry["last"].get<std::vector<float>>();
    EXPECT_TRUE(std::equal(first.begin(), first.end(), values.begin())) << entry;
    EXPECT_TRUE(std::equal(last.rbegin(), last.rend(), values.rbegin())) << entry;
  }
}

// Three latents of one generator, torch 2.13.
TEST(NormalGenerator, ContinuesWithTheNextLatents) {
  const std::vector<std::vector<float>> draws = {{-1.12583983f, -1.15236020f, -0.25057858f, -0.43387881f},
                                                 {-1.08408248f, -0.12873806f, -0.68107730f, -1.30989599f},
                                                 {0.66569728f, 0.88469839f, 0.46711189f, -0.64521861f}};
  NormalGenerator generator(RandomSource::torch_cpu, 0);
  for (const auto& first : draws) {
    auto values = next(generator, DType::f32, 16 * 8 * 8);
    values.resize(first.size());
    EXPECT_EQ(values, first);
  }
}

TEST(NormalGenerator, RoundsAndContinuesTheDrawsOfCuda) {
  CudaGenerator cuda(42);
  NormalGenerator generator(RandomSource::torch_cuda, 42);
  EXPECT_EQ(next(generator, DType::f32, 100), cuda_draw(cuda, 100));
  std::vector<float> rounded = cuda_draw(cuda, 100);
  for (float& value : rounded) value = to_float(to_bf16(value));
  EXPECT_EQ(next(generator, DType::bf16, 100), rounded);
}

TEST(NormalGenerator, RefusesOtherTypes) {
  for (const RandomSource source : {RandomSource::torch_cpu, RandomSource::torch_cuda}) {
    NormalGenerator generator(source, 0), fresh(source, 0);
    for (const DType dtype : {DType::f64, DType::f8_e4m3, DType::i32})
      EXPECT_THROW(next(generator, dtype, 4), ArgumentError);
    EXPECT_EQ(next(generator, DType::f32, 4), next(fresh, DType::f32, 4));
  }
}

TEST(RandomSource, Names) {
  EXPECT_EQ(random_source_from_name("cpu"), RandomSource::torch_cpu);
  EXPECT_EQ(random_source_from_name("cuda"), RandomSource::torch_cuda);
  EXPECT_THROW(random_source_from_name("gpu"), ArgumentError);
}

}  // namespace
}  // namespace sd35
