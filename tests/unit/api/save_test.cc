#include <gtest/gtest.h>

#include <set>
#include <thread>
#include <vector>

#include "core/error.h"
#include "image/image_file.h"
#include "sd35/sd35.h"
#include "tests/support/file_bytes.h"
#include "tests/support/temporary_folder.h"

namespace sd35 {
namespace {

namespace fs = std::filesystem;

const Picture kPicture{2, 1, {1, 2, 3, 4, 5, 6}, {{"parameters", "a cat"}, {"sd35", "{}"}}};

TEST(SaveTest, AsNewTakesTheNextFreeName) {
  const TemporaryFolder folder;
  EXPECT_EQ(save_as_new(kPicture, folder / "a.png"), folder / "a.png");
  fs::create_directory(folder / "a-2.png");
  fs::create_symlink("nowhere", folder / "a-3.png");
  EXPECT_EQ(save_as_new(kPicture, folder / "a.png"), folder / "a-4.png");
  EXPECT_EQ(file_bytes(folder / "a.png"), file_bytes(folder / "a-4.png"));
  EXPECT_EQ(folder.entries(), 4);
}

TEST(SaveTest, AsNewGivesNoNameTwice) {
  const TemporaryFolder folder;
  constexpr int kThreads = 4, kPictures = 8;
  std::vector<std::vector<fs::path>> names(kThreads);
  std::vector<std::thread> threads;
  for (std::vector<fs::path>& mine : names)
    threads.emplace_back([&] {
      for (int i = 0; i < kPictures; ++i) mine.push_back(save_as_new(kPicture, folder / "a.png"));
    });
  for (std::thread& thread : threads) thread.join();
  std::set<fs::path> all;
  for (const std::vector<fs::path>& mine : names) all.insert(mine.begin(), mine.end());
  EXPECT_EQ(all.size(), kThreads * kPictures);
  EXPECT_EQ(folder.entries(), kThreads * kPictures);
}

TEST(SaveTest, PngInMemoryIsTheFile) {
  const TemporaryFolder folder;
  save(kPicture, folder / "a.png");
  const std::vector<std::uint8_t> bytes = encode(kPicture);
  EXPECT_EQ(std::string(bytes.begin(), bytes.end()), file_bytes(folder / "a.png"));
}

TEST(SaveTest, WhatIsEncodedIsDecoded) {
  Picture picture = kPicture;
  picture.metadata = {{"parameters", "a cat\nSteps: 1"}, {"sd35", "{}"}};
  picture.digital_source_type = "compositeWithTrainedAlgorithmicMedia";
  for (const char* format : {"png", "webp", "jpg", "JPEG"}) {
    const Picture decoded = decode(encode(picture, format));
    EXPECT_EQ(decoded.width, picture.width) << format;
    EXPECT_EQ(decoded.height, picture.height) << format;
    EXPECT_EQ(decoded.metadata, picture.metadata) << format;
    EXPECT_EQ(decoded.digital_source_type, picture.digital_source_type) << format;
    if (format == std::string("png")) {
      EXPECT_EQ(decoded.rgb, picture.rgb);
    }
  }
  EXPECT_THROW(encode(picture, "bmp"), ArgumentError);
  picture.digital_source_type = "\"/>";
  EXPECT_THROW(encode(picture), ArgumentError);
}

TEST(ContactSheetTest, HasPicturesRowByRow) {
  std::vector<Picture> pictures;
  for (const std::uint8_t level : {1, 2, 3}) pictures.push_back({1, 1, {level, level, level}, {}});
  pictures[0].digital_source_type = "trainedAlgorithmicMedia";
  const Picture sheet = contact_sheet(pictures, 2);
  EXPECT_EQ(sheet.width, 2);
  EXPECT_EQ(sheet.rgb, (std::vector<std::uint8_t>{1, 1, 1, 2, 2, 2, 3, 3, 3, 255, 255, 255}));
  EXPECT_EQ(sheet.digital_source_type, "trainedAlgorithmicMedia");
  EXPECT_THROW(contact_sheet({}, 2), ArgumentError);
  EXPECT_THROW(contact_sheet(pictures, 0), ArgumentError);
  pictures[1].width = 2;
  EXPECT_THROW(contact_sheet(pictures, 2), ArgumentError);
}

TEST(SaveTest, BytesThatAreNoPictureAreNamed) {
  std::vector<std::uint8_t> bytes = encode(kPicture);
  bytes.resize(bytes.size() - 8);
  try {
    decode(bytes, "the upload");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::file);
    EXPECT_EQ(error.file(), "the upload");
    EXPECT_NE(std::string(error.what()).find("'the upload'"), std::string::npos) << error.what();
  }
}

TEST(SaveTest, ErrorsNameTheirFile) {
  const TemporaryFolder folder;
  put_file(folder / "file", "");
  const fs::path path = folder.path() / "file" / "a.png";
  try {
    check_output(path);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::file);
    EXPECT_EQ(error.file(), path);
  }
}

TEST(SaveTest, MissingFoldersAreMadeWhenThePictureIsThere) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "a" / "b" / "c.png";
  check_output(path);
  EXPECT_EQ(folder.entries(), 0);
  save(kPicture, path);
  EXPECT_TRUE(fs::exists(path));
}

TEST(SaveTest, WhatCannotBeWrittenIsKnownBefore) {
  const TemporaryFolder folder;
  put_file(folder / "file", "");
  const std::string long_name(256, 'n');
  EXPECT_THROW(check_output(folder / "a.bmp"), ArgumentError);
  EXPECT_THROW(check_output(folder / (long_name + ".png")), FileError);
  EXPECT_THROW(check_output(folder.path() / long_name / "a.png"), FileError);
  EXPECT_THROW(check_output(folder.path() / "new" / (long_name + ".png")), FileError);
  EXPECT_THROW(check_output(folder.path() / "new" / long_name / "a.png"), FileError);
  EXPECT_THROW(check_output(folder.path() / "file" / "a.png"), FileError);
  EXPECT_THROW(check_output(folder.path() / "file" / "new" / "a.png"), FileError);
  EXPECT_EQ(folder.entries(), 1);
}

}  // namespace
}  // namespace sd35
