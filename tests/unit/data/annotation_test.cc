// What a sample's .json says about its text, and where that is after the picture was cropped to a bucket.
#include "data/annotation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>

#include "core/error.h"
#include "image/image_file.h"
#include "tests/support/file_bytes.h"
#include "tests/support/temporary_folder.h"

namespace sd35 {
namespace {

// Black, with a white box.
Image with_box(int width, int height, int left, int top, int right, int bottom) {
  Image image{width, height, std::vector<std::uint8_t>(std::size_t{3} * width * height)};
  for (int y = top; y < bottom; ++y)
    for (int x = left; x < right; ++x)
      std::fill_n(image.rgb.begin() + std::ptrdiff_t{3} * (y * width + x), 3, std::uint8_t{255});
  return image;
}

// Around everything that is more white than black.
PictureBox white_box(const Image& image) {
  int left = image.width, top = image.height, right = 0, bottom = 0;
  for (int y = 0; y < image.height; ++y)
    for (int x = 0; x < image.width; ++x) {
      if (image.rgb[std::size_t{3} * (y * image.width + x)] < 128) continue;
      left = std::min(left, x);
      top = std::min(top, y);
      right = std::max(right, x + 1);
      bottom = std::max(bottom, y + 1);
    }
  return {static_cast<double>(left), static_cast<double>(top), static_cast<double>(right - left),
          static_cast<double>(bottom - top)};
}

TEST(AnnotationTest, BoxesFollowThePictureIntoItsBucket) {
  for (const auto& [width, height, bucket] : {std::tuple{200, 100, Bucket{64, 64}},
                                              {100, 200, Bucket{128, 96}},
                                              {128, 128, Bucket{128, 128}},
                                              {1600, 50, Bucket{32, 32}},
                                              {90, 110, Bucket{192, 192}}}) {
    const int left = width * 9 / 20, top = height / 4, right = width * 11 / 20, bottom = height * 3 / 4;
    const FittedPicture fitted =
        fit_to_bucket(with_box(width, height, left, top, right, bottom), bucket, {}, 0);
    const PictureBox seen = white_box(fitted.image);
    const PictureBox told =
        fit_to_bucket(PictureBox{static_cast<double>(left), static_cast<double>(top),
                                 static_cast<double>(right - left), static_cast<double>(bottom - top)},
                      {width, height}, bucket);
    EXPECT_NEAR(std::max(told.x, 0.0), seen.x, 1) << width;
    EXPECT_NEAR(std::max(told.y, 0.0), seen.y, 1) << width;
    EXPECT_NEAR(std::min<double>(told.x + told.width, bucket.width), seen.x + seen.width, 1) << width;
    EXPECT_NEAR(std::min<double>(told.y + told.height, bucket.height), seen.y + seen.height, 1) << width;
  }
}

class AnnotationFiles : public ::testing::Test {
 protected:
  std::unique_ptr<Dataset> dataset_with(const std::string& json) {
    write_image(folder_ / "a.png", with_box(64, 32, 0, 0, 8, 8));
    put_file(folder_ / "a.json", json);
    write_image(folder_ / "b.png", with_box(64, 32, 0, 0, 8, 8));
    return Dataset::open(folder_.path());
  }
  std::string error_of(const std::string& json) {
    try {
      read_annotation(*dataset_with(json), 0);
    } catch (const FileError& error) {
      EXPECT_EQ(error.file(), folder_ / "a.json") << error.what();
      return error.what();
    }
    return "no error";
  }

  TemporaryFolder folder_;
};

TEST_F(AnnotationFiles, AreRead) {
  const auto dataset = dataset_with(
      R"({"kind": "words", "boxes": [{"name": "sign", "box": [1, 2, 30, 20]},
          {"name": "text", "box": [4, 5.5, 20, 8]}],
          "letters": [{"letter": "O", "index": 0, "word": 0, "line": 0, "box": [4, 5.5, 9, 8]},
                      {"letter": "K", "index": 1, "word": 0, "line": 0, "box": [14, 5.5, 10, 8]}]})");
  const Annotation annotation = read_annotation(*dataset, 0);
  ASSERT_TRUE(annotation.text.has_value());
  EXPECT_EQ(annotation.text->y, 5.5);
  ASSERT_EQ(annotation.letters.size(), 2u);
  EXPECT_EQ(annotation.letters[1].character, "K");
  EXPECT_EQ(annotation.letters[1].index, 1);
  EXPECT_EQ(annotation.letters[1].box.x, 14);
  const Annotation mirror = mirrored(annotation, 64);
  EXPECT_EQ(mirror.letters[0].box.x, 51);
  EXPECT_EQ(mirror.text->x, 40);

  EXPECT_FALSE(read_annotation(*dataset, 1).text.has_value());  // without a .json
  EXPECT_EQ(samples_with_text(*dataset), std::vector<std::int64_t>{0});
  EXPECT_TRUE(has_letters(*dataset));
}

TEST_F(AnnotationFiles, OfAnotherKindSayNothing) {
  const auto dataset = dataset_with(R"({"width": 64})");
  EXPECT_FALSE(read_annotation(*dataset, 0).text.has_value());
  EXPECT_TRUE(samples_with_text(*dataset).empty());
  EXPECT_FALSE(has_letters(*dataset));
}

TEST_F(AnnotationFiles, OfAnotherFormAreRefused) {
  EXPECT_NE(error_of(R"({"boxes": 3})").find("a.png, its .json: boxes must be a list"), std::string::npos);
  EXPECT_NE(error_of(R"({"boxes": [{"name": "text", "box": [1, 2, 3]}]})").find("[x, y, width, height]"),
            std::string::npos);
  EXPECT_NE(error_of(R"({"letters": [{"letter": "a", "index": -1, "word": 0, "line": 0}]})").find("index"),
            std::string::npos);
  EXPECT_NE(error_of("{").find("a.png"), std::string::npos);
}

}  // namespace
}  // namespace sd35
