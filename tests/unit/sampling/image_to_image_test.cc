#include "sampling/image_to_image.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "core/error.h"
#include "sampling/bilinear.h"
#include "sampling/inpainting.h"

namespace sd35 {
namespace {

Tensor tensor(const Shape& shape, const std::vector<float>& values) { return Tensor::from(shape, values); }

// get_timesteps() of StableDiffusion3Img2ImgPipeline.
TEST(FirstStep, EqualsDiffusers) {
  struct Case {
    int steps;
    double strength;
    int first;
  };
  for (const Case& c : {Case{50, 0.6, 20}, Case{28, 0.6, 11}, Case{40, 0.75, 10}, Case{40, 0.3, 28},
                        Case{8, 0.5, 4}, Case{28, 0.3, 19}, Case{20, 0.35, 13}, Case{5, 1, 0}})
    EXPECT_EQ(first_step(c.steps, c.strength), c.first) << c.steps << " " << c.strength;
  EXPECT_EQ(first_step(5, 0.1), 4);
  EXPECT_THROW(first_step(5, 1e-300), ArgumentError);
  EXPECT_THROW(first_step(5, 0), ArgumentError);
  EXPECT_THROW(first_step(5, 1.1), ArgumentError);
  EXPECT_THROW(first_step(5, NAN), ArgumentError);
}

TEST(LongerSchedule, EndsWithTheSteps) {
  EXPECT_EQ(longer_schedule(20, 0.6, 1000), 33);
  EXPECT_EQ(longer_schedule(20, 1, 1000), 20);
  EXPECT_THROW(longer_schedule(20, 0.01, 1000), ArgumentError);
  EXPECT_THROW(longer_schedule(20, 1e-300, 1000), ArgumentError);
}

// Pictures of two values in [h, w] = [1, 3], of which the last is painted.
class InpaintingTest : public testing::Test {
 protected:
  Inpainting inpainting(const std::vector<float>& mask, bool soft) const {
    return {tensor({1, 2, 1, 3}, {1, 2, 3, 4, 5, 6}),
            tensor({1, 2, 1, 3}, {10, 20, 30, 40, 50, 60}),
            tensor({1, 3}, mask),
            {1, 0.75f, 0.5f, 0.25f, 0},
            1,
            soft,
            0.003f};
  }
  std::vector<float> after(const Inpainting& inpainting, int steps) const {
    std::vector<float> latents(6, 100);
    inpainting.after_step(steps, latents);
    return latents;
  }
};

TEST_F(InpaintingTest, WhatIsNotPaintedIsThePictureAtTheNoiseOfTheStep) {
  const Inpainting hard = inpainting({0, 0, 1}, false);
  EXPECT_EQ(after(hard, 2), (std::vector<float>{5.5f, 11, 100, 22, 27.5f, 100}));
  EXPECT_EQ(after(hard, 4), (std::vector<float>{1, 2, 100, 4, 5, 100}));
}

// Thresholds of steps 1, 2, 3: 1, 0.665, 0.331.
TEST_F(InpaintingTest, DarkerGreyBeginsLater) {
  const Inpainting soft = inpainting({0, 0.4f, 0.7f}, true);
  EXPECT_EQ(after(soft, 2), (std::vector<float>{5.5f, 11, 16.5f, 22, 27.5f, 33}));
  EXPECT_EQ(after(soft, 3), (std::vector<float>{3.25f, 6.5f, 100, 13, 16.25f, 100}));
  EXPECT_EQ(after(soft, 4), (std::vector<float>{1, 100, 100, 4, 100, 100}));
}

TEST_F(InpaintingTest, RefusesAMaskOfAnotherSize) { EXPECT_THROW(inpainting({0, 1}, false), Error); }

// torch.nn.functional.interpolate(x, size, mode="bilinear").
TEST(Bilinear, EqualsTorch) {
  const Tensor x = tensor({1, 1, 2, 3}, {0, 1, 2, 3, 4, 5});
  const Tensor larger = bilinear(x, 4, 6);
  const std::vector<float> expected{0,    0.25f, 0.75f, 1.25f, 1.75f, 2,     0.75f, 1,
                                    1.5f, 2,     2.5f,  2.75f, 2.25f, 2.5f,  3,     3.5f,
                                    4,    4.25f, 3,     3.25f, 3.75f, 4.25f, 4.75f, 5};
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_FLOAT_EQ(larger.floats()[i], expected[i]) << i;
  EXPECT_EQ(bilinear(x, 1, 1).floats()[0], 2.5f);
}

}  // namespace
}  // namespace sd35
