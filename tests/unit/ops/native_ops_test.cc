// What the native engine promises beyond values: element types, memory, determinism, errors.
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <thread>

#include "core/cpu.h"
#include "core/error.h"
#include "core/threads.h"
#include "ops/ops.h"
#include "tests/support/compare.h"
#include "tests/unit/ops/op_cases.h"

namespace sd35 {
namespace {

class NativeOpsTest : public testing::TestWithParam<DType> {
 protected:
  std::unique_ptr<Ops> ops = make_native_ops(GetParam());
};
INSTANTIATE_TEST_SUITE_P(Types, NativeOpsTest, testing::Values(DType::f32, DType::bf16),
                         [](const auto& info) { return std::string(name_of(info.param)); });

TEST(NativeOps, ComputesInF32OrBf16Only) {
  EXPECT_THROW(make_native_ops(DType::f16), ArgumentError);
  EXPECT_EQ(make_native_ops(DType::bf16)->name(), "native");
}

TEST_P(NativeOpsTest, GemmFeedingVerbsReturnTheComputeType) {
  const Tensor x = random_tensor({2, 4, 8}, 1), picture = random_tensor({1, 3, 3, 8}, 1),
               vector = random_tensor({2, 8}, 2), ones = random_tensor({8}, 3);
  const Linear layer = random_linear(8, 8);
  Conv2d conv;
  conv.in_channels = conv.out_channels = 8;
  conv.weight = random_tensor({8, 8, 3, 3}, 1);
  const GroupNorm norm{ones, ones, 2, 1e-5f, Activation::silu};
  const std::array stream{AttentionStream{random_tensor({1, 5, 24}, 1).to(GetParam()), {}, {}}};
  for (const Tensor& y :
       {ops->linear(x, layer), ops->conv2d(picture, conv), ops->layer_norm(x, ones, ones, 1e-5f),
        ops->rms_norm(x, ones, 1e-5f), ops->norm_modulate(x, vector, vector, 1e-5f),
        ops->group_norm(picture, norm), ops->activate(x, Activation::silu),
        ops->gated_activate(x, x, Activation::gelu), ops->attention(stream, {})[0]})
    EXPECT_EQ(y.dtype(), GetParam());
  EXPECT_EQ(ops->linear(x, layer, Activation::none, Out::f32).dtype(), DType::f32);
  EXPECT_EQ(ops->conv2d(picture, conv, Out::f32).dtype(), DType::f32);
}

TEST_P(NativeOpsTest, TheResidualStreamKeepsTheTypeOfItsFirstOperand) {
  const Tensor x = random_tensor({2, 3, 8}, 1), gate = random_tensor({2, 8}, 2);
  for (const DType type : {DType::f32, GetParam()})
    for (const DType other : {DType::f32, GetParam()}) {
      EXPECT_EQ(ops->add(x.to(type).clone(), x.to(other)).dtype(), type);
      EXPECT_EQ(ops->gated_add(x.to(type).clone(), gate, x.to(other)).dtype(), type);
    }
}

TEST_P(NativeOpsTest, AddsInPlaceOnlyWhenNobodyElseLooks) {
  const Tensor y = random_tensor({2, 3, 8}, 2), gate = random_tensor({2, 8}, 3);
  const auto check = [&](const auto& sum) {
    Tensor alone = random_tensor({2, 3, 8}, 1);
    const void* memory = alone.raw();
    const Tensor in_place = sum(std::move(alone));
    EXPECT_EQ(in_place.raw(), memory);

    const Tensor shared = random_tensor({2, 3, 8}, 1);
    const Tensor copy = sum(shared);
    EXPECT_TRUE(same_bits(shared, random_tensor({2, 3, 8}, 1)));
    EXPECT_TRUE(same_bits(copy, in_place));
  };
  check([&](Tensor x) { return ops->add(std::move(x), y); });
  check([&](Tensor x) { return ops->gated_add(std::move(x), gate, y); });
}

TEST_P(NativeOpsTest, PreparedWeightsReplaceTheStoredOnes) {
  for (const DType stored : {DType::f32, DType::bf16, DType::f16, DType::f8_e4m3}) {
    Linear layer = random_linear(130, 70, stored);
    const Tensor x = random_tensor({5, 70}, 1), before = ops->linear(x, layer);
    ops->prepare(layer, Reuse::many);
    EXPECT_TRUE(layer.loaded());
    EXPECT_NE(layer.prepared != nullptr, layer.weight.defined());
    EXPECT_LE(relative_error(ops->linear(x, layer).to(DType::f32), before.to(DType::f32)), 1e-3);
  }
}

TEST_P(NativeOpsTest, AWeightUsedOnceStaysWhereItIsWhenItsTypeFits) {
  Linear layer = random_linear(30, 20, GetParam());
  const void* memory = layer.weight.raw();
  ops->prepare(layer, Reuse::once);
  EXPECT_EQ(layer.weight.raw(), memory);
}

TEST_P(NativeOpsTest, RepeatsItselfBitForBit) {
  for (const auto& cases :
       {linear_cases(), low_rank_cases(), conv2d_cases(), attention_cases(), elementwise_cases()})
    for (const OpCase& c : cases) {
      const std::vector<Tensor> first = c.run(*ops), second = c.run(*ops);
      ASSERT_EQ(first.size(), second.size());
      for (std::size_t i = 0; i < first.size(); ++i) EXPECT_TRUE(same_bits(first[i], second[i])) << c.name;
    }
}

TEST_P(NativeOpsTest, ThreadsChangeNothingButRounding) {
  const double bound = GetParam() == DType::f32 ? 1e-6 : 0x1p-7;
  for (const auto& cases :
       {linear_cases(), low_rank_cases(), conv2d_cases(), attention_cases(), elementwise_cases()})
    for (const OpCase& c : cases) {
      const auto run = [&](int count) {
        const ThreadCount threads(count);
        return c.run(*ops)[0].to(DType::f32);
      };
      const Tensor one = run(1), three = run(3);
      EXPECT_TRUE(same_bits(three, one) || relative_error(three, one) <= bound) << c.name;
    }
}

TEST_P(NativeOpsTest, ServesSeveralThreadsAtOnce) {
  Linear layer = random_linear(65, 33);
  ops->prepare(layer, Reuse::many);
  std::array<Tensor, 4> results;
  std::array<std::thread, 4> threads;
  for (std::size_t t = 0; t < threads.size(); ++t)
    threads[t] = std::thread([&, t] {
      for (const std::int64_t rows : {1, 2, 3, 7, 9, 40})
        results[t] = ops->linear(random_tensor({rows, 33}, 1), layer);
    });
  for (std::thread& thread : threads) thread.join();
  for (const Tensor& result : results) EXPECT_TRUE(same_bits(result, results[0]));
}

TEST_P(NativeOpsTest, RowsAreIndependentWhereItSaysSo) {
  const double bound = GetParam() == DType::f32 ? 1e-6 : 0x1p-7;
  const auto agree = [&](const Tensor& alone, const Tensor& beside) {
    return same_bits(alone, beside) || (!ops->rows_are_independent() &&
                                        relative_error(alone.to(DType::f32), beside.to(DType::f32)) <= bound);
  };
  for (const auto& [in, out] : {std::pair{33, 65}, {96, 96}, {192, 768}, {1536, 192}})
    for (const bool prepared : {false, true}) {
      Linear layer;
      layer.weight = random_tensor({out, in}, 3);
      layer.bias = random_tensor({out}, 4);
      layer.out_features = out;
      layer.in_features = in;
      if (prepared) ops->prepare(layer, Reuse::many);
      const Tensor x = random_tensor({470, in}, 5);
      const Tensor all = ops->linear(x, layer, Activation::gelu_tanh);
      for (const auto& [begin, end] : {std::pair{0, 1}, {1, 8}, {8, 72}, {72, 184}, {184, 470}})
        EXPECT_TRUE(agree(ops->linear(x.rows(begin, end).clone(), layer, Activation::gelu_tanh),
                          all.rows(begin, end)))
            << in << " " << out << " " << end - begin;
    }
}

TEST_P(NativeOpsTest, RowsOfUpdatedLayersAreIndependentWhereItSaysSo) {
  if (!ops->rows_are_independent()) return;
  for (const auto& [in, out] : {std::pair{33, 65}, {96, 96}, {1536, 192}})
    for (const char* format : {"none", "int8", "nf4"})
      for (const std::int64_t rank : {1, 4, 16, 33}) {
        Linear layer = random_linear(out, in);
        if (in % 64 == 0) layer.quantized = quantize(layer.weight, weight_format_from_name(format));
        if (layer.quantized != nullptr) layer.weight = {};
        ops->prepare(layer, Reuse::many);
        ops->attach(layer, {{random_tensor({rank, in}, 6), random_tensor({out - 20, rank}, 7), 0.5f, 10}});
        const Tensor x = random_tensor({470, in}, 5);
        const Tensor all = ops->linear(x, layer, Activation::gelu_tanh);
        for (const auto& [begin, end] : {std::pair{0, 1}, {1, 8}, {8, 72}, {72, 184}, {184, 470}})
          EXPECT_TRUE(same_bits(ops->linear(x.rows(begin, end).clone(), layer, Activation::gelu_tanh),
                                all.rows(begin, end)))
              << in << " " << out << " " << format << ", rank " << rank << ", rows " << end - begin;
      }
}

TEST_P(NativeOpsTest, ServesThreadsOfARegionOfTheCallers) {
  const ThreadCount two(2);
  for (const auto& cases : {linear_cases(), low_rank_cases(), conv2d_cases()})
    for (const OpCase& c : cases) {
      const Tensor outside = c.run(*ops)[0].to(DType::f32);
      std::array<Tensor, 2> inside;
#pragma omp parallel for num_threads(2)
      for (std::size_t t = 0; t < inside.size(); ++t) inside[t] = c.run(*ops)[0].to(DType::f32);
      const double bound = GetParam() == DType::f32 ? 1e-6 : 0x1p-7;
      for (const Tensor& result : inside)
        EXPECT_TRUE(same_bits(result, outside) || relative_error(result, outside) <= bound) << c.name;
    }
}

TEST_P(NativeOpsTest, EmptyInputsGiveEmptyResults) {
  EXPECT_EQ(ops->linear(Tensor({0, 8}, DType::f32), random_linear(4, 8)).shape(), (Shape{0, 4}));
  EXPECT_EQ(ops->activate(Tensor({0, 8}, DType::f32), Activation::silu).numel(), 0);
  EXPECT_EQ(ops->layer_norm(Tensor({0, 8}, DType::f32), {}, {}, 1e-6f).numel(), 0);
  EXPECT_EQ(ops->permute(Tensor({0, 8}, DType::f32), std::array{1, 0}).shape(), (Shape{8, 0}));
}

TEST_P(NativeOpsTest, ShapesThatDoNotFitAreErrors) {
  const Tensor x = random_tensor({2, 3, 8}, 1);
  const std::array parts{x, random_tensor({2, 3, 9}, 1)};
  Linear never_loaded;
  never_loaded.out_features = 4;
  never_loaded.in_features = 8;
  EXPECT_THROW(ops->linear(x, random_linear(4, 9)), Error);
  EXPECT_THROW(ops->linear(x, never_loaded), Error);
  EXPECT_THROW(ops->conv2d(x, Conv2d{}), Error);
  EXPECT_THROW(ops->layer_norm(x, random_tensor({7}, 1), {}, 1e-6f), Error);
  EXPECT_THROW(ops->rms_norm(x, random_tensor({7}, 1), 1e-6f), Error);
  EXPECT_THROW(ops->group_norm(x, {}), Error);
  EXPECT_THROW(ops->norm_modulate(x, random_tensor({1, 8}, 1), random_tensor({2, 8}, 1), 1e-6f), Error);
  EXPECT_THROW(ops->add(x, random_tensor({2, 8}, 1)), Error);
  EXPECT_THROW(ops->subtract(x, random_tensor({2, 8}, 1)), Error);
  EXPECT_THROW(ops->nearly_equal(x, random_tensor({2, 8}, 1), 1), Error);
  EXPECT_THROW(ops->gated_add(x, random_tensor({2, 8}, 1), random_tensor({2, 3, 7}, 1)), Error);
  EXPECT_THROW(ops->gated_activate(x, random_tensor({2, 3, 7}, 1), Activation::silu), Error);
  EXPECT_THROW(ops->attention({}, {}), Error);
  EXPECT_THROW(ops->concat(parts, 0), Error);
  EXPECT_THROW(ops->slice(x, 1, 2, 4), Error);
  EXPECT_THROW(ops->permute(x, std::array{0, 1}), Error);
  EXPECT_THROW(ops->permute(x, std::array{0, 1, 1}), Error);
  EXPECT_THROW(ops->upsample_nearest2x(x), Error);
  EXPECT_THROW(ops->embedding(random_tensor({4, 8}, 1), Tensor::from({1}, std::array{4})), Error);
  EXPECT_THROW(ops->embedding(random_tensor({4, 8}, 1), Tensor::from({1}, std::array{-1})), Error);
}

// So wide that a panel of the weight is taken in parts, with rows for more than one turn.
TEST_P(NativeOpsTest, QuantizedWeightsMultiplyAsWhatTheyHold) {
  constexpr std::int64_t out = 131, in = 8256;
  const auto reference = make_ref_ops();
  for (const char* format : {"int8", "nf4", "nf4-dq"}) {
    Linear held = random_linear(out, in), layer = held;
    layer.quantized = quantize(layer.weight, weight_format_from_name(format));
    layer.quantized->read_rows(0, out, held.weight.data<float>());
    layer.weight = {};
    ops->prepare(layer, Reuse::many);
    for (const std::int64_t rows : {1, 7, 101}) {
      const Tensor x = random_tensor({rows, in}, 1);
      // int8 rounds x to 8 bits as well.
      const double bound = GetParam() == DType::f32 && std::string(format) != "int8" ? 1e-5 : 1e-2;
      EXPECT_LT(relative_error(ops->linear(x, layer, Activation::none, Out::f32), reference->linear(x, held)),
                bound)
          << format << ", " << rows << " rows";
    }
  }
}

TEST_P(NativeOpsTest, NearlyEqualIsBelowAShareOfTheMeanSize) {
  const Tensor y = Tensor::from({1, 2, 2}, std::array{1.0f, -3.0f, 2.0f, 2.0f}),
               x = Tensor::from({1, 2, 2}, std::array{1.5f, -3.0f, 2.0f, 1.5f});  // 1 of 8
  EXPECT_TRUE(ops->nearly_equal(x, y, 0.1251));
  EXPECT_FALSE(ops->nearly_equal(x, y, 0.125));
  EXPECT_FALSE(ops->nearly_equal(y, y, 0));
}

TEST_P(NativeOpsTest, AnswersForItself) {
  EXPECT_TRUE(ops->device().host);
  EXPECT_EQ(ops->product_type(), has_bf16_instructions() ? GetParam() : DType::f32);
  EXPECT_NE(ops->identity().find(name_of(GetParam())), std::string::npos);
  EXPECT_NE(ops->identity(), make_ref_ops()->identity());
  EXPECT_GT(ops->ceiling_gflops(), 0);
}

LowRankUpdate random_update(std::int64_t rows, std::int64_t in, std::int64_t first_row = 0) {
  return {random_tensor({3, in}, 5), random_tensor({rows, 3}, 6), 0.5f, first_row};
}

TEST_P(NativeOpsTest, UpdatesComeAndGoWithoutATrace) {
  const Tensor x = random_tensor({7, 192}, 1);
  for (const char* format : {"none", "int8", "nf4"}) {
    Linear layer = random_linear(64, 192);
    layer.quantized = quantize(layer.weight, weight_format_from_name(format));
    if (layer.quantized != nullptr) layer.weight = {};
    ops->prepare(layer, Reuse::many);
    const Tensor before = ops->linear(x, layer, Activation::silu);
    ops->attach(layer, {random_update(30, 192, 34)});
    const Tensor updated = ops->linear(x, layer, Activation::silu);
    EXPECT_FALSE(same_bits(updated, before)) << format;
    ops->attach(layer, {random_update(64, 192)});
    EXPECT_FALSE(same_bits(ops->linear(x, layer, Activation::silu), updated)) << format;
    ops->attach(layer, {random_update(30, 192, 34)});
    EXPECT_TRUE(same_bits(ops->linear(x, layer, Activation::silu), updated)) << format;
    ops->attach(layer, {});
    EXPECT_TRUE(same_bits(ops->linear(x, layer, Activation::silu), before)) << format;
  }
}

TEST_P(NativeOpsTest, UpdatesThatDoNotFitAreErrors) {
  Linear layer = random_linear(64, 192);
  for (const LowRankUpdate& update :
       {random_update(64, 191), random_update(65, 192), random_update(64, 192, 1), random_update(4, 192, -1),
        LowRankUpdate{random_tensor({3, 192}, 1), random_tensor({64, 2}, 1)},
        LowRankUpdate{random_tensor({192}, 1), random_tensor({64, 1}, 1)},
        LowRankUpdate{Tensor({0, 192}, DType::f32), Tensor({64, 0}, DType::f32)}}) {
    EXPECT_THROW(ops->attach(layer, {update}), Error);
    layer.updates = {update};
    EXPECT_THROW(ops->linear(random_tensor({2, 192}, 1), layer), Error);
    layer.updates.clear();
  }
  ops->attach(layer, {random_update(64, 192)});
  layer.updates = {random_update(64, 192)};
  EXPECT_THROW(ops->linear(random_tensor({2, 192}, 1), layer), Error) << "which of the two?";
}

// What comes back from disk: the same bytes elsewhere, padded to 64.
PackedWeight copy_of(const PackedWeight& packed) {
  PackedWeight copy{packed.form, {}};
  for (const Tensor& part : packed.parts) {
    Tensor bytes = Tensor::zeros({static_cast<std::int64_t>((part.bytes() + 63) / 64 * 64)}, DType::u8);
    std::memcpy(bytes.raw(), part.raw(), part.bytes());
    copy.parts.push_back(std::move(bytes));
  }
  return copy;
}

TEST_P(NativeOpsTest, PackedWeightsComeBackToTheBit) {
  int packed_forms = 0;
  for (const char* format : {"none", "int8", "nf4", "nf4-dq"})
    for (const std::int64_t out : {64, 131}) {
      Linear layer = random_linear(out, 192);
      layer.quantized = quantize(layer.weight, weight_format_from_name(format));
      if (layer.quantized != nullptr) layer.weight = {};
      ops->prepare(layer, Reuse::many);
      if (layer.prepared == nullptr) continue;  // without bf16 instructions dense bf16 stays as it is
      const auto packed = layer.prepared->packed();
      ASSERT_TRUE(packed) << format;
      ++packed_forms;

      Linear restored;
      restored.out_features = out;
      restored.in_features = 192;
      restored.bias = layer.bias;
      ASSERT_TRUE(ops->restore(restored, copy_of(*packed))) << format;
      const Tensor x = random_tensor({7, 192}, 1);
      EXPECT_TRUE(same_bits(ops->linear(x, layer), ops->linear(x, restored))) << format;
      for (Linear* both : {&layer, &restored}) ops->attach(*both, {random_update(out, 192)});
      EXPECT_TRUE(same_bits(ops->linear(x, layer), ops->linear(x, restored))) << format << ", updated";
    }
  EXPECT_GE(packed_forms, 6);
}

TEST_P(NativeOpsTest, PackedWeightsThatDoNotFitAreRefused) {
  for (const char* format : {"none", "int8", "nf4", "nf4-dq"}) {
    Linear layer = random_linear(64, 192);
    layer.quantized = quantize(layer.weight, weight_format_from_name(format));
    if (layer.quantized != nullptr) layer.weight = {};
    ops->prepare(layer, Reuse::many);
    if (layer.prepared == nullptr) continue;
    const PackedWeight good = copy_of(*layer.prepared->packed());
    const auto refused = [&](const PackedWeight& packed, std::int64_t out, std::int64_t in) {
      Linear target;
      target.out_features = out;
      target.in_features = in;
      const bool taken = ops->restore(target, packed);
      EXPECT_EQ(target.prepared == nullptr, !taken);
      return !taken;
    };
    EXPECT_FALSE(refused(good, 64, 192)) << format;
    EXPECT_TRUE(refused(good, 192, 64)) << format;
    EXPECT_TRUE(refused(good, 63, 192)) << format;
    EXPECT_TRUE(refused({"another form", good.parts}, 64, 192)) << format;
    EXPECT_TRUE(refused({good.form + " 1", good.parts}, 64, 192)) << format;
    EXPECT_TRUE(refused({"", {}}, 64, 192)) << format;
    for (std::size_t i = 0; i < good.parts.size(); ++i) {
      PackedWeight cut = good;
      cut.parts[i] = Tensor({1}, DType::u8);
      EXPECT_TRUE(refused(cut, 64, 192)) << format << " part " << i;
      cut.parts.resize(i);
      EXPECT_TRUE(refused(cut, 64, 192)) << format << " without part " << i;
    }
  }
}

}  // namespace
}  // namespace sd35
