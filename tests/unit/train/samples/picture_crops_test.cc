// Where crops lie, and what they show.
#include "train/samples/picture_crops.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <utility>

#include "image/image_file.h"
#include "tests/support/file_bytes.h"
#include "tests/support/temporary_folder.h"
#include "train/samples/training_pictures.h"

namespace sd35::train {
namespace {

constexpr int kPictureWidth = 96, kPictureHeight = 64, kCropSide = 32;

// Red and green of a pixel are its place.
Image picture_of_places() {
  Image image{kPictureWidth, kPictureHeight, {}};
  for (int y = 0; y < kPictureHeight; ++y)
    for (int x = 0; x < kPictureWidth; ++x)
      image.rgb.insert(image.rgb.end(), {static_cast<std::uint8_t>(x), static_cast<std::uint8_t>(y), 0});
  return image;
}

// Left and top of the crop of one sample.
std::pair<int, int> place_of_crop(std::uint32_t sample, const std::optional<PixelBox>& text) {
  SampleRandom random(3, 0, sample);
  const Image part = crop_of(picture_of_places(), CropOptions{kCropSide, 8, 0}, text, random);
  EXPECT_EQ(part.width, kCropSide);
  EXPECT_EQ(part.height, kCropSide);
  for (int y = 0; y < kCropSide; ++y)
    for (int x = 0; x < kCropSide; ++x) {
      EXPECT_EQ(part.rgb[static_cast<std::size_t>(3 * (y * kCropSide + x))], part.rgb[0] + x);
      EXPECT_EQ(part.rgb[static_cast<std::size_t>(3 * (y * kCropSide + x) + 1)], part.rgb[1] + y);
    }
  return {part.rgb[0], part.rgb[1]};
}

TEST(PictureCropsTest, LieOnTheGridAnywhere) {
  std::set<std::pair<int, int>> places;
  for (std::uint32_t sample = 0; sample < 400; ++sample) places.insert(place_of_crop(sample, std::nullopt));
  for (const auto& [left, top] : places) EXPECT_TRUE(left % 8 == 0 && top % 8 == 0);
  EXPECT_EQ(places.size(), 9u * 5u);
  EXPECT_EQ(place_of_crop(7, std::nullopt), place_of_crop(7, std::nullopt));
}

TEST(PictureCropsTest, HoldTheWholeTextWhereItFits) {
  std::set<std::pair<int, int>> places;
  for (std::uint32_t sample = 0; sample < 100; ++sample)
    places.insert(place_of_crop(sample, PixelBox{41, 30, 13, 9}));
  std::set<std::pair<int, int>> expected;
  for (const int left : {24, 32, 40})
    for (const int top : {8, 16, 24}) expected.emplace(left, top);
  EXPECT_EQ(places, expected);
}

TEST(PictureCropsTest, LieWithinATextThatIsLarger) {
  std::set<int> lefts;
  for (std::uint32_t sample = 0; sample < 100; ++sample)
    lefts.insert(place_of_crop(sample, PixelBox{20, 30, 60, 9}).first);
  EXPECT_EQ(lefts, (std::set<int>{24, 32, 40, 48}));
  // One that lies at the edge, or outside: what there is of it.
  EXPECT_EQ(place_of_crop(1, PixelBox{90, 60, 6, 4}), std::pair(64, 32));
  EXPECT_EQ(place_of_crop(1, PixelBox{-500, 500, 9, 4}), std::pair(0, 32));
}

TEST(PictureCropsTest, BoxesOfOtherJsonAreNoText) {
  const auto box = text_box(R"({"boxes": [{"name": "sign", "box": [1, 1, 50, 50]},
      {"name": "text area", "box": [2, 2, 40, 40]}, {"name": "text", "box": [3, 4.5, 20, 10]}]})");
  ASSERT_TRUE(box);
  EXPECT_EQ(std::tuple(box->x, box->y, box->width, box->height), std::tuple(3, 4.5, 20, 10));
  EXPECT_EQ(text_box(R"({"boxes": [{"name": "text area", "box": [2, 2, 40, 40]}]})")->width, 40);
  for (const char* other :
       {"", "7", "{", "{}", R"({"boxes": 1})", R"({"boxes": [1, {"name": "text"}]})",
        R"({"boxes": [{"name": "text", "box": [1, 2, 3]}]})",
        R"({"boxes": [{"name": "text", "box": [1, 2, 3, "4"]}]})", R"({"boxes": [{"box": [1, 2, 3, 4]}]})"})
    EXPECT_FALSE(text_box(other)) << other;
}

TEST(PictureCropsTest, BoxesMoveWithTheirPictures) {
  sd35::FittedPicture fitted;
  fitted.resized = {192, 128};
  fitted.image.width = 128;
  fitted.crop_x = 10;
  PixelBox box = moved_with(fitted, {96, 64}, {20, 5, 8, 4});
  EXPECT_EQ(std::tuple(box.x, box.y, box.width, box.height), std::tuple(30, 10, 16, 8));
  fitted.flipped = true;
  box = moved_with(fitted, {96, 64}, {20, 5, 8, 4});
  EXPECT_EQ(box.x, 128 - 30 - 16);
}

// A data set whose pictures say where their text is: the share that is asked for is cropped around it.
TEST(PictureCropsTest, AShareOfThemShowsTheText) {
  const TemporaryFolder folder;
  Image image{64, 64, std::vector<std::uint8_t>(std::size_t{3} * 64 * 64)};
  for (int y = 50; y < 56; ++y)
    for (int x = 3; x < 15; ++x) image.rgb[static_cast<std::size_t>(3 * (y * 64 + x))] = 255;
  write_image(folder / "a.png", image);
  put_file(folder / "a.txt", "a sign");
  put_file(folder / "a.json", R"({"boxes": [{"name": "text", "box": [3, 50, 12, 6]}]})");
  TrainingPictures pictures(folder.path().string(), {});
  constexpr std::int64_t count = 64;
  const auto share = [&](double about_text) {
    MicroBatch batch;
    batch.samples.assign(count, 0);
    batch.width = batch.height = 64;
    std::vector<std::uint64_t> seeds(count);
    for (std::size_t i = 0; i < seeds.size(); ++i) seeds[i] = i;
    const CroppedPictures crops = pictures.cropped(batch, {}, {16, 8, about_text}, seeds);
    std::int64_t whole = 0;
    for (std::int64_t i = 0; i < count; ++i) {
      const Tensor one = crops.pictures.rows(i, i + 1);
      const std::span<const float> red = one.floats().first(std::size_t{16} * 16);
      whole += std::ranges::count_if(red, [](float value) { return value > 0.9f; }) == 12 * 6 ? 1 : 0;
    }
    return std::pair(static_cast<double>(whole) / count, crops.about_text);
  };
  // Around the text, it must be whole across; the grid must never cut rows 50 to 55 at 56.
  EXPECT_EQ(share(1), std::pair(1.0, 1.0));
  const auto [whole, about] = share(0.5);
  EXPECT_NEAR(about, 0.5, 0.2);
  EXPECT_GE(whole, about);
  EXPECT_LT(whole, 1);
  EXPECT_EQ(share(0).second, 0);
}

}  // namespace
}  // namespace sd35::train
