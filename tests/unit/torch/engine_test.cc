// The torch engine against the reference engine over the table of operation cases, and its own promises.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "core/error.h"
#include "ops/torch/torch_ops.h"
#include "tests/support/compare.h"
#include "tests/unit/ops/op_cases.h"

namespace sd35 {
namespace {

std::vector<OpCase> computing_cases() {
  std::vector<OpCase> cases;
  for (const auto& some :
       {linear_cases(), low_rank_cases(), conv2d_cases(), attention_cases(), elementwise_cases()})
    cases.insert(cases.end(), some.begin(), some.end());
  return cases;
}

// Norm-wise error, relative to the reference or to one, whichever is larger: a row without variance has a
// norm of nearly zero, which LibTorch computes as the difference of numbers of about 1000. What bf16 loses is
// its rounding of each step from the inputs to the result.
double bound(DType compute_type, const OpCase& c) {
  return compute_type == DType::bf16 ? 1e-5 + c.roundings * 0x1p-8 : 1e-5;
}

void expect_close(const std::vector<Tensor>& values, const std::vector<Tensor>& references, double bound) {
  ASSERT_EQ(values.size(), references.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    ASSERT_EQ(values[i].defined(), references[i].defined());
    if (!values[i].defined()) continue;
    const Tensor value = values[i].to(DType::f32), reference = references[i].to(DType::f32);
    ASSERT_EQ(value.shape(), reference.shape());
    const at::Tensor v = to_torch(value), r = to_torch(reference);
    EXPECT_LE((v - r).norm().item<double>(), bound * std::max(1.0, r.norm().item<double>()));
  }
}

using TypedCase = std::tuple<DType, OpCase>;
class ComputingTest : public testing::TestWithParam<TypedCase> {};
class MovingTest : public testing::TestWithParam<TypedCase> {};

TEST_P(ComputingTest, AgreesWithTheReference) {
  const auto& [type, op_case] = GetParam();
  expect_close(op_case.run(*make_torch_ops(type)), op_case.run(*make_ref_ops()), bound(type, op_case));
}

TEST_P(MovingTest, GivesTheVerySame) {
  const auto& [type, op_case] = GetParam();
  expect_close(op_case.run(*make_torch_ops(type)), op_case.run(*make_ref_ops()), 0);
}

std::string name_of_case(const testing::TestParamInfo<TypedCase>& info) {
  return std::string(name_of(std::get<0>(info.param))).append("_").append(std::get<1>(info.param).name);
}

const auto kComputeTypes = testing::Values(DType::f32, DType::bf16, DType::f64);

INSTANTIATE_TEST_SUITE_P(Verbs, ComputingTest,
                         testing::Combine(kComputeTypes, testing::ValuesIn(computing_cases())), name_of_case);
INSTANTIATE_TEST_SUITE_P(Verbs, MovingTest,
                         testing::Combine(kComputeTypes, testing::ValuesIn(data_movement_cases())),
                         name_of_case);

// Every option of attention at once.
std::vector<Tensor> biased_attention(const Ops& ops) {
  AttentionOptions options;
  options.heads = 2;
  options.scale = 0.3f;
  options.causal = true;
  options.bias = random_tensor({2, 5, 5}, 1);
  const AttentionStream stream{random_tensor({3, 5, 24}, 1), random_tensor({4}, 2), random_tensor({4}, 3)};
  return ops.attention(std::array{stream}, options);
}

TEST(TorchOps, AttendsWithABias) {
  expect_close(biased_attention(*make_torch_ops(DType::f32)), biased_attention(*make_ref_ops()), 1e-5);
}

// The device "meta" computes shapes only, and fails, as a GPU would, where tensors of two devices meet. From
// C++ it supports neither convolutions, layer norms and group norms nor attention without a bias.
TEST(TorchOps, BringsEveryOperandToItsDevice) {
  const auto meta = make_torch_ops(DType::f32, "meta"), cpu = make_torch_ops(DType::f32);
  const auto compare = [&](const auto& run) {
    const std::vector<Tensor> values = run(*meta), references = run(*cpu);
    ASSERT_EQ(values.size(), references.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      EXPECT_EQ(values[i].shape(), references[i].shape());
      EXPECT_TRUE(to_torch(values[i]).is_meta());
    }
  };
  for (const auto& cases : {linear_cases(), low_rank_cases(), elementwise_cases(), data_movement_cases()})
    for (const OpCase& c : cases) {
      const auto is = [&](const char* verb) { return c.name.starts_with(verb); };
      if (is("layer_norm") || is("group_norm") || is("norm_modulate")) continue;
      SCOPED_TRACE(c.name);
      compare(c.run);
    }
  compare(biased_attention);
}

TEST(TorchOps, KnowsItsTypesAndDevices) {
  EXPECT_EQ(make_torch_ops(DType::bf16)->name(), "torch");
  EXPECT_EQ(make_torch_ops(DType::bf16)->compute_type(), DType::bf16);
  EXPECT_THROW(make_torch_ops(DType::f16), ArgumentError);
  EXPECT_THROW(make_torch_ops(DType::f32, "nowhere"), ArgumentError);
  EXPECT_THROW(make_torch_ops(DType::f32, ""), ArgumentError);
  if (!at::hasCUDA()) {
    EXPECT_THROW(make_torch_ops(DType::f32, "cuda"), ArgumentError);
  }
}

TEST(TorchOps, AnswersForItself) {
  const auto host = make_torch_ops(DType::f32), device = make_torch_ops(DType::f32, "cpu:0");
  EXPECT_TRUE(host->device().host);
  EXPECT_FALSE(device->device().host);
  EXPECT_EQ(device->device().name, "cpu:0");
  EXPECT_NE(host->identity(), device->identity());
  EXPECT_NE(host->identity(), make_torch_ops(DType::bf16)->identity());
  for (const Ops* ops : {host.get(), device.get()}) EXPECT_GT(ops->ceiling_gflops(), 0);

  const Tensor x = random_tensor({2, 3}, 1);
  EXPECT_TRUE(x.storage()->device().host);
  EXPECT_TRUE(host->to_f32(x).storage()->device().host);
  const auto elsewhere = make_torch_ops(DType::f32, "meta")->to_f32(x).storage()->device();
  EXPECT_FALSE(elsewhere.host);
  EXPECT_EQ(elsewhere.name, "meta");
}

TEST(TorchOps, NearlyEqualIsBelowAShareOfTheMeanSize) {
  const Tensor y = Tensor::from({1, 2, 2}, std::array{1.0f, -3.0f, 2.0f, 2.0f}),
               x = Tensor::from({1, 2, 2}, std::array{1.5f, -3.0f, 2.0f, 1.5f});  // 1 of 8
  for (const char* device : {"cpu", "cpu:0"}) {
    const auto ops = make_torch_ops(DType::bf16, device);
    EXPECT_TRUE(ops->nearly_equal(x, y, 0.1251));
    EXPECT_FALSE(ops->nearly_equal(x, y, 0.125));
    EXPECT_FALSE(ops->nearly_equal(y, y, 0));
  }
}

TEST(TorchOps, ResultsHaveTheTypesThatOpsPromises) {
  const Tensor x = random_tensor({2, 4, 8}, 1), vector = random_tensor({2, 8}, 2);
  const Linear layer = random_linear(8, 8);
  for (const DType type : {DType::f32, DType::bf16, DType::f64}) {
    const auto ops = make_torch_ops(type);
    const DType wide = type == DType::f64 ? DType::f64 : DType::f32;
    EXPECT_EQ(ops->linear(x, layer).dtype(), type);
    EXPECT_EQ(ops->linear(x, layer, Activation::none, Out::f32).dtype(), wide);
    EXPECT_EQ(ops->norm_modulate(x, vector, vector, 1e-6f).dtype(), type);
    EXPECT_EQ(ops->activate(x, Activation::silu).dtype(), type);
    EXPECT_EQ(ops->add(x, x.to(DType::bf16)).dtype(), wide);
    EXPECT_EQ(ops->gated_add(x, vector, x.to(DType::bf16)).dtype(), wide);
    EXPECT_EQ(ops->embedding(vector.to(DType::bf16), Tensor::from({1}, std::array{1})).dtype(), wide);
  }
  const auto ops = make_torch_ops(DType::bf16);
  EXPECT_EQ(ops->add(x.to(DType::bf16), x).dtype(), DType::bf16);
}

TEST(TorchOps, PreparesWeightsUnlessTheyAreTrained) {
  const auto ops = make_torch_ops(DType::bf16);
  Linear frozen = random_linear(6, 4, DType::f16), once = frozen, trained = frozen;
  ops->prepare(frozen, Reuse::many);
  ops->prepare(once, Reuse::once);
  EXPECT_EQ(frozen.weight.dtype(), DType::bf16);
  EXPECT_EQ(once.weight.dtype(), DType::f16);

  const at::Tensor weight = to_torch(random_tensor({6, 4}, 2)).clone().set_requires_grad(true);
  trained.weight = from_torch(weight);
  ops->prepare(trained, Reuse::many);
  EXPECT_TRUE(to_torch(trained.weight).is_same(weight));
  to_torch(ops->linear(random_tensor({3, 4}, 1), trained)).sum().backward();
  EXPECT_EQ(weight.grad().scalar_type(), at::kFloat);
  EXPECT_GT(weight.grad().abs().min().item<float>(), 0);
}

TEST(TorchTensor, WrapsAndUnwrapsTheSameTensor) {
  const at::Tensor value = at::rand({3, 4});
  EXPECT_TRUE(to_torch(from_torch(value)).is_same(value));
  EXPECT_EQ(from_torch(value).raw(), value.data_ptr());
  EXPECT_EQ(from_torch(value.t()).shape(), (Shape{4, 3}));
  EXPECT_TRUE(to_torch(from_torch(value.t())).equal(value.t()));
  EXPECT_FALSE(from_torch(at::Tensor()).defined());
  EXPECT_FALSE(to_torch(Tensor()).defined());
  EXPECT_THROW(from_torch(at::zeros({2}, at::kComplexFloat)), Error);
}

TEST(TorchTensor, ViewsShareMemory) {
  const at::Tensor value = at::arange(24, at::kFloat).view({4, 6});
  const at::Tensor view = to_torch(from_torch(value).rows(1, 3).reshape({3, 4}));
  EXPECT_TRUE(view.equal(value.narrow(0, 1, 2).reshape({3, 4})));
  EXPECT_EQ(view.data_ptr<float>(), value.data_ptr<float>() + 6);
  EXPECT_EQ(to_torch(from_torch(value).rows(4, 4)).numel(), 0);
}

TEST(TorchTensor, SharesTheMemoryOfOtherEngines) {
  const Shape shape{37, 5};  // a size that no other test leaves in the pool
  at::Tensor shared;
  {
    const Tensor x = random_tensor(shape, 1);
    shared = to_torch(x.rows(2, 4));
    EXPECT_EQ(shared.data_ptr(), x.rows(2, 4).raw());
  }
  const Tensor next = Tensor::zeros(shape);  // takes what went back to the pool
  EXPECT_EQ(relative_error(from_torch(shared), random_tensor(shape, 1).rows(2, 4)), 0);
}

TEST(TorchTensor, CopiesWhatTorchCannotRead) {
  // In a file a tensor may begin at any byte.
  const Tensor bytes({4 * 6 + 1}, DType::u8), values = random_tensor({6}, 1);
  const Tensor unaligned({6}, DType::f32, bytes.storage(), 1);
  std::copy_n(static_cast<const std::byte*>(values.raw()), values.bytes(),
              static_cast<std::byte*>(const_cast<void*>(unaligned.raw())));
  EXPECT_EQ(relative_error(from_torch(to_torch(unaligned)), values), 0);

  const Tensor small = values.to(DType::f8_e4m3);
  EXPECT_EQ(relative_error(from_torch(to_torch(small)), small.to(DType::f32)), 0);
}

TEST(TorchOps, ShapesThatDoNotFitAreErrors) {
  const auto ops = make_torch_ops(DType::f32);
  const Tensor x = random_tensor({2, 3, 8}, 1);
  const std::array parts{x, random_tensor({2, 3, 9}, 1)};
  EXPECT_THROW(ops->linear(x, random_linear(4, 9)), Error);
  EXPECT_THROW(ops->conv2d(x, Conv2d{}), Error);
  EXPECT_THROW(ops->layer_norm(x, random_tensor({7}, 1), {}, 1e-6f), Error);
  EXPECT_THROW(ops->rms_norm(x, random_tensor({7}, 1), 1e-6f), Error);
  EXPECT_THROW(ops->group_norm(x, {}), Error);
  EXPECT_THROW(ops->norm_modulate(x, random_tensor({1, 8}, 1), random_tensor({2, 8}, 1), 1e-6f), Error);
  EXPECT_THROW(ops->add(x, random_tensor({2, 8}, 1)), Error);
  EXPECT_THROW(ops->gated_add(x, random_tensor({2, 8}, 1), random_tensor({2, 3, 7}, 1)), Error);
  EXPECT_THROW(ops->gated_activate(x, random_tensor({2, 3, 7}, 1), Activation::silu), Error);
  EXPECT_THROW(ops->attention({}, {}), Error);
  EXPECT_THROW(ops->concat(parts, 0), Error);
  EXPECT_THROW(ops->slice(x, 1, 2, 4), Error);
  EXPECT_THROW(ops->permute(x, std::array{0, 1, 1}), Error);
  EXPECT_THROW(ops->upsample_nearest2x(x), Error);
  EXPECT_THROW(ops->embedding(random_tensor({4, 8}, 1), Tensor::from({1}, std::array{4})), Error);
}

}  // namespace
}  // namespace sd35
