#include "core/tensor.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace sd35 {
namespace {

TEST(ShapeTest, CountsFromBothEnds) {
  const Shape shape{2, 3, 4};
  EXPECT_EQ(shape[0], 2);
  EXPECT_EQ(shape[-1], 4);
  EXPECT_EQ(shape.numel(), 24);
  constexpr std::int64_t many = std::int64_t{1} << 62;
  EXPECT_EQ((Shape{many, many, 0}).numel(), 0);  // no overflow on the way, which sanitizers would see
  EXPECT_EQ(shape.to_string(), "[2, 3, 4]");
  EXPECT_THROW((void)shape[3], Error);
  EXPECT_THROW((void)shape[-4], Error);
}

TEST(TensorTest, ViewsShareMemoryAndCopiesDoNot) {
  Tensor tensor = Tensor::from({2, 3}, std::vector<float>{1, 2, 3, 4, 5, 6});
  const Tensor row = tensor.rows(1, 2);
  const Tensor flat = tensor.reshape({6});
  const Tensor copy = tensor.clone();
  EXPECT_FALSE(tensor.unique());
  EXPECT_TRUE(copy.unique());
  tensor.data<float>()[3] = 40;
  EXPECT_EQ(row.data<float>()[0], 40);
  EXPECT_EQ(flat.data<float>()[3], 40);
  EXPECT_EQ(copy.data<float>()[3], 4);
}

TEST(TensorTest, RefusesWhatDoesNotFit) {
  const Tensor tensor = Tensor::zeros({2, 3});
  EXPECT_THROW(tensor.reshape({5}), Error);
  EXPECT_THROW(tensor.rows(1, 3), Error);
  EXPECT_THROW((void)tensor.data<bf16>(), Error);
  EXPECT_THROW(Tensor({7}, DType::f32, tensor.storage(), 64), Error);
  EXPECT_THROW((void)Tensor().raw(), Error);
}

TEST(TensorTest, ConvertsItsType) {
  const Tensor tensor = Tensor::from({2}, std::vector<float>{1.5f, -2.0f});
  const Tensor narrow = tensor.to(DType::bf16);
  EXPECT_EQ(narrow.data<bf16>()[0].bits, 0x3fc0);
  EXPECT_EQ(narrow.to(DType::f32).data<float>()[1], -2.0f);
  EXPECT_EQ(tensor.to(DType::f32).raw(), tensor.raw());
}

}  // namespace
}  // namespace sd35
