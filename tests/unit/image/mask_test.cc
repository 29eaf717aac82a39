#include "image/mask.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/error.h"
#include "image/blur_fill.h"
#include "image/resize_mode.h"
#include "tests/support/file_bytes.h"
#include "tests/unit/image/goldens.h"

namespace sd35 {
namespace {

Mask box(int width, int height, const Region& white) {
  Mask mask{width, height, std::vector<std::uint8_t>(static_cast<std::size_t>(width) * height)};
  for (int y = white.top; y < white.bottom; ++y)
    for (int x = white.left; x < white.right; ++x) mask.grey[static_cast<std::size_t>(y) * width + x] = 255;
  return mask;
}

// diffusers' VaeImageProcessor with do_binarize and do_convert_grayscale.
TEST(Mask, IsBinarizedAsInDiffusers) {
  const Image resized = resize(image_of(box(64, 48, {20, 10, 40, 30})), 80, 80, ResizeMode::stretch);
  EXPECT_EQ(std::ranges::count(binarized(mask_of(resized)).grey, 255), 825);
}

TEST(Mask, IsTheBrightnessOfAPicture) {
  EXPECT_EQ(mask_of({3, 1, {255, 0, 0, 0, 255, 0, 0, 0, 255}}).grey,
            (std::vector<std::uint8_t>{76, 150, 29}));
  EXPECT_EQ(inverted(Mask{2, 1, {0, 55}}).grey, (std::vector<std::uint8_t>{255, 200}));
}

TEST(Mask, BlurSpreadsWhatIsThere) {
  const Mask sharp = box(40, 30, {10, 10, 30, 20});
  EXPECT_EQ(blurred(sharp, 0), sharp);
  const Mask soft = blurred(sharp, 2);
  const auto at = [&](std::size_t x, std::size_t y) { return soft.grey[y * 40 + x]; };
  EXPECT_EQ(at(20, 15), 253);  // the box is five standard deviations high
  EXPECT_EQ(at(0, 0), 0);
  EXPECT_NEAR(at(10, 15) + at(9, 15), 253, 1);  // half at the edge
  EXPECT_EQ(blurred(box(8, 8, {0, 0, 8, 8}), 3).grey, std::vector<std::uint8_t>(64, 255));
}

// get_crop_region.
TEST(MaskedRegion, EqualsDiffusers) {
  EXPECT_EQ(masked_region(box(64, 48, {20, 10, 40, 30}), 64, 48, 4), (Region{12, 6, 49, 34}));
  EXPECT_EQ(masked_region(box(1000, 700, {600, 500, 900, 690}), 1024, 1024, 32),
            (Region{568, 336, 932, 700}));
  EXPECT_EQ(masked_region(box(1000, 700, {0, 0, 1000, 20}), 1024, 768, 0), (Region{0, 0, 1000, 700}));
}

TEST(MaskedRegion, StaysInside) {
  EXPECT_EQ(masked_region(box(64, 48, {20, 10, 40, 30}), 64, 48, 2000000000), (Region{0, 0, 64, 48}));
  EXPECT_THROW(masked_region(box(64, 48, {}), 64, 48, 4), ArgumentError);
}

TEST(Composite, LeavesWhatIsNotMasked) {
  const Image original{3, 1, {1, 2, 3, 4, 5, 6, 7, 8, 9}},
      repainted{3, 1, {101, 102, 103, 104, 105, 106, 107, 108, 109}};
  EXPECT_EQ(composite(original, repainted, {3, 1, {0, 255, 51}}).rgb,
            (std::vector<std::uint8_t>{1, 2, 3, 104, 105, 106, 27, 28, 29}));
  EXPECT_THROW(composite(original, repainted, {1, 1, {0}}), Error);
}

TEST(Paste, PutsBackWhatWasCropped) {
  Image image{3, 2, {0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5}};
  const Image part = cropped(image, {1, 0, 3, 2});
  EXPECT_EQ(part.rgb, (std::vector<std::uint8_t>{1, 1, 1, 2, 2, 2, 4, 4, 4, 5, 5, 5}));
  Image copy = image;
  paste({2, 2, std::vector<std::uint8_t>(12, 9)}, 1, 0, copy);
  EXPECT_EQ(copy.rgb, (std::vector<std::uint8_t>{0, 0, 0, 9, 9, 9, 9, 9, 9, 3, 3, 3, 9, 9, 9, 9, 9, 9}));
  paste(part, 1, 0, copy);
  EXPECT_EQ(copy, image);
}

// The half-masked columns too.
TEST(BlurFilled, EqualsPillow) {
  const std::string bytes = file_bytes(kGolden + "rgb.png.rgb"),
                    expected = file_bytes(kGolden + "blur_filled.rgb");
  Mask mask = box(37, 23, {9, 6, 24, 18});
  for (std::size_t y = 6; y < 18; ++y) mask.grey[y * 37 + 24] = mask.grey[y * 37 + 25] = 100;
  const Image filled = blur_filled({37, 23, {bytes.begin(), bytes.end()}}, mask);
  EXPECT_EQ(filled.rgb, std::vector<std::uint8_t>(expected.begin(), expected.end()));
}

}  // namespace
}  // namespace sd35
