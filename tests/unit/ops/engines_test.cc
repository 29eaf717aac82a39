// Every engine against the reference engine, over the table of operation cases.
#include <gtest/gtest.h>

#include <cmath>

#include "ops/ops.h"
#include "tests/unit/ops/op_cases.h"

namespace sd35 {
namespace {

// Norm-wise relative errors. In f32 every result is a sum of `terms` rounded products, whose errors walk at
// random, plus a few roundings of its own (an activation, a norm's inverse root). In bf16 sums are f32 too:
// what remains is the rounding of the result and of what the operation keeps in bf16 on the way.
double bound(DType compute_type, const OpCase& c) {
  constexpr double f32_rounding = 0x1p-24, bf16_rounding = 0x1p-8;
  const double f32_bound = f32_rounding * (16 + std::sqrt(c.terms));
  return f32_bound + c.own_rounding + (compute_type == DType::f32 ? 0 : bf16_rounding * c.roundings);
}

// Fails with the worst element unless |value - reference| <= bound |reference| in the Euclidean norm.
void expect_close(const Tensor& value, const Tensor& reference, double bound) {
  ASSERT_EQ(value.shape(), reference.shape());
  const Tensor v = value.to(DType::f32), r = reference.to(DType::f32);
  double difference = 0, norm = 0, worst = -1;
  std::int64_t worst_index = 0;
  for (std::int64_t i = 0; i < r.numel(); ++i) {
    const double expected = r.data<float>()[i], error = std::abs(v.data<float>()[i] - expected);
    difference += error * error;
    norm += expected * expected;
    if (!(error <= worst)) {
      worst = error;
      worst_index = i;
    }
  }
  EXPECT_LE(std::sqrt(difference), bound * std::sqrt(norm))
      << "relative error " << std::sqrt(difference / norm) << " beyond " << bound << "; the worst of "
      << value.shape().to_string() << " is element " << worst_index << ": " << v.data<float>()[worst_index]
      << " where " << r.data<float>()[worst_index] << " was expected";
}

void expect_close(const std::vector<Tensor>& values, const std::vector<Tensor>& references, double bound) {
  ASSERT_EQ(values.size(), references.size());
  for (std::size_t i = 0; i < values.size(); ++i) expect_close(values[i], references[i], bound);
}

void compare(const OpCase& c, const Ops& ops, bool exact) {
  const std::vector<Tensor> reference = c.run(*make_ref_ops());
  expect_close(c.run(ops), reference, exact ? 0.0 : bound(ops.compute_type(), c));
}

class EngineTest : public testing::TestWithParam<std::tuple<DType, OpCase>> {
 protected:
  static std::unique_ptr<Ops> engine() { return make_native_ops(std::get<0>(GetParam())); }
  static const OpCase& op_case() { return std::get<1>(GetParam()); }
};
class ComputingTest : public EngineTest {};
class MovingTest : public EngineTest {};

TEST_P(ComputingTest, AgreesWithTheReference) { compare(op_case(), *engine(), false); }
TEST_P(MovingTest, GivesTheVerySame) { compare(op_case(), *engine(), true); }

std::string name_of_case(const testing::TestParamInfo<std::tuple<DType, OpCase>>& info) {
  return std::string(name_of(std::get<0>(info.param))).append("_").append(std::get<1>(info.param).name);
}

const auto kComputeTypes = testing::Values(DType::f32, DType::bf16);

INSTANTIATE_TEST_SUITE_P(Linear, ComputingTest,
                         testing::Combine(kComputeTypes, testing::ValuesIn(linear_cases())), name_of_case);
INSTANTIATE_TEST_SUITE_P(LowRank, ComputingTest,
                         testing::Combine(kComputeTypes, testing::ValuesIn(low_rank_cases())), name_of_case);
INSTANTIATE_TEST_SUITE_P(Conv2d, ComputingTest,
                         testing::Combine(kComputeTypes, testing::ValuesIn(conv2d_cases())), name_of_case);
INSTANTIATE_TEST_SUITE_P(Banded, ComputingTest,
                         testing::Combine(kComputeTypes, testing::ValuesIn(banded_cases())), name_of_case);
INSTANTIATE_TEST_SUITE_P(Attention, ComputingTest,
                         testing::Combine(kComputeTypes, testing::ValuesIn(attention_cases())), name_of_case);
INSTANTIATE_TEST_SUITE_P(Elementwise, ComputingTest,
                         testing::Combine(kComputeTypes, testing::ValuesIn(elementwise_cases())),
                         name_of_case);
INSTANTIATE_TEST_SUITE_P(Data, MovingTest,
                         testing::Combine(kComputeTypes, testing::ValuesIn(data_movement_cases())),
                         name_of_case);

}  // namespace
}  // namespace sd35
