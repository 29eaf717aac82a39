// What is computed once for pictures with captions, and kept.
#include "train/samples/conditioned_pictures.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "image/image_file.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_model.h"

namespace sd35::train {
namespace {

constexpr int kSide = 32;

void write_grey(const std::filesystem::path& folder, std::uint8_t level) {
  std::filesystem::create_directory(folder);
  Image image{kSide, kSide, std::vector<std::uint8_t>(std::size_t{3} * kSide * kSide, level)};
  write_image(folder / "0.png", image);
  std::ofstream(folder / "0.txt") << "a picture\n";
}

Tensor moments_of(ConditionedPictures& pictures) {
  FittedPicture picture = pictures.fitted(0, kSide, kSide, false);
  pictures.encode({&picture, 1});
  return *picture.moments;
}

TEST(ConditionedPicturesTest, DataSetsWithEqualNamesShareACache) {
  const TemporaryFolder folder;
  write_grey(folder / "dark", 10);
  write_grey(folder / "light", 240);
  const TrainConfig config;
  const ModelFiles files = ModelFiles::open(tiny_model().string());
  const auto open = [&](const char* data) {
    return ConditionedPictures((folder / data).string(), files, folder / "cache", config, {});
  };
  std::vector<Tensor> first;
  for (const char* data : {"dark", "light"}) {
    ConditionedPictures pictures = open(data);
    first.push_back(moments_of(pictures));
  }
  EXPECT_FALSE(std::ranges::equal(first[0].floats(), first[1].floats()));

  // The second time they come from the cache, each its own.
  for (std::size_t i = 0; i < 2; ++i) {
    ConditionedPictures pictures = open(i == 0 ? "dark" : "light");
    EXPECT_TRUE(pictures.fitted(0, kSide, kSide, false).moments.has_value());
    EXPECT_TRUE(std::ranges::equal(moments_of(pictures).floats(), first[i].floats()));
  }
}

TEST(ConditionedPicturesTest, APictureThatWasReplacedIsNotTakenFromTheCache) {
  const TemporaryFolder folder;
  const TrainConfig config;
  const ModelFiles files = ModelFiles::open(tiny_model().string());
  const auto moments_now = [&] {
    ConditionedPictures pictures((folder / "data").string(), files, folder / "cache", config, {});
    return moments_of(pictures);
  };
  write_grey(folder / "data", 10);
  const Tensor before = moments_now();
  write_grey(folder / "data", 240);
  EXPECT_FALSE(std::ranges::equal(moments_now().floats(), before.floats()));
}

}  // namespace
}  // namespace sd35::train
