// Maps that are made band by band, against the verbs that keep them.
#include "ops/banded_ops.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/support/compare.h"
#include "tests/unit/ops/op_cases.h"

namespace sd35 {
namespace {

class BandedOpsTest : public testing::TestWithParam<DType> {
 protected:
  Conv2d conv(std::int64_t in, std::int64_t out, int kernel = 3) const {
    Conv2d conv;
    conv.in_channels = in;
    conv.out_channels = out;
    conv.kernel = kernel;
    conv.pad_before = conv.pad_after = kernel / 2;
    conv.weight = random_tensor({out, in, kernel, kernel}, 2, 0.1f);
    conv.bias = random_tensor({out}, 3);
    ops->prepare(conv);
    return conv;
  }
  Tensor picture(std::int64_t height, std::int64_t width, std::int64_t channels) const {
    return random_tensor({1, height, width, channels}, 1).to(GetParam()).clone();
  }

  std::unique_ptr<Ops> ops = make_native_ops(GetParam());
  const BandedOps& bands = *ops->banded();
  const GroupNorm norm{random_tensor({8}, 4), random_tensor({8}, 5), 2, 1e-6f, Activation::silu};
};
INSTANTIATE_TEST_SUITE_P(Types, BandedOpsTest, testing::Values(DType::f32, DType::bf16),
                         [](const auto& info) { return std::string(name_of(info.param)); });

// A row of these takes more than a band, or a band is three rows that do not divide the height.
const std::vector<std::pair<std::int64_t, std::int64_t>> kSizes{{7, 70'001}, {31, 21'000}, {5, 6}, {1, 9}};

TEST_P(BandedOpsTest, AgreeWithTheVerbsToTheLastBit) {
  const Conv2d wide = conv(8, 8), pointwise = conv(8, 4, 1), narrow = conv(8, 4);
  for (const auto& [height, width] : kSizes) {
    const Tensor x = picture(height, width, 8);
    const BandedOps::Map map = bands.kept_map(x);
    EXPECT_TRUE(same_bits(bands.whole(bands.conv2d(map, pointwise)), ops->conv2d(x, pointwise)));
    EXPECT_TRUE(same_bits(bands.whole(bands.upsample_conv2d(map, narrow)), ops->upsample_conv2d(x, narrow)));
    EXPECT_TRUE(same_bits(bands.whole(bands.norm_conv2d(map, norm, narrow, {}, Out::f32)),
                          ops->norm_conv2d(x, norm, narrow, {}, Out::f32)));
    EXPECT_TRUE(
        same_bits(bands.whole(bands.norm_conv2d(map, norm, wide, map)), ops->norm_conv2d(x, norm, wide, x)));
  }
}

// Maps of maps that are made: what two of them read is made once, in bands of other sizes.
TEST_P(BandedOpsTest, ChainsAgreeToo) {
  const Conv2d up = conv(8, 8), first = conv(8, 8), second = conv(8, 4), shortcut = conv(8, 4, 1);
  for (const auto& [height, width] : kSizes) {
    const Tensor x = picture(height, width / 2 + 1, 8), large = ops->upsample_conv2d(x, up);
    const Tensor whole =
        ops->norm_conv2d(ops->norm_conv2d(large, norm, first), norm, second, ops->conv2d(large, shortcut));
    const BandedOps::Map map = bands.upsample_conv2d(bands.kept_map(x), up);
    const BandedOps::Map h = bands.norm_conv2d(map, norm, first);
    EXPECT_TRUE(
        same_bits(bands.whole(bands.norm_conv2d(h, norm, second, bands.conv2d(map, shortcut))), whole));
  }
}

TEST_P(BandedOpsTest, ASumTakesThePlaceOfWhatItIsMadeOf) {
  const Conv2d first = conv(8, 8), second = conv(8, 8);
  for (const auto& [height, width] : kSizes) {
    const Tensor x = picture(height, width, 8);
    const Tensor whole = ops->norm_conv2d(ops->norm_conv2d(x, norm, first), norm, second, x.clone());
    Tensor target = x.clone();
    const void* memory = target.raw();
    const BandedOps::Map map = bands.kept_map(std::move(target));
    const BandedOps::Map h = bands.norm_conv2d(map, norm, first);
    const Tensor sum = bands.whole(bands.add_in_place(map, bands.norm_conv2d(h, norm, second)));
    EXPECT_EQ(sum.raw(), memory);
    EXPECT_TRUE(same_bits(sum, whole));
  }
}

TEST_P(BandedOpsTest, WhatDoesNotFitIsRefused) {
  const Conv2d other = conv(4, 4), narrow = conv(8, 4);
  const BandedOps::Map map = bands.kept_map(picture(3, 4, 8));
  EXPECT_THROW(bands.kept_map(random_tensor({2, 3, 4, 8}, 1)), Error);
  EXPECT_THROW(bands.conv2d(map, other), Error);
  EXPECT_THROW(bands.norm_conv2d(map, norm, narrow, map), Error);
  EXPECT_THROW(bands.add_in_place(map, bands.conv2d(map, narrow)), Error);
  EXPECT_THROW(bands.add_in_place(bands.conv2d(map, narrow), map), Error);
}

}  // namespace
}  // namespace sd35
