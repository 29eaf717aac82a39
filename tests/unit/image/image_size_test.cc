#include "image/image_size.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "image/image_file.h"
#include "tests/support/file_bytes.h"
#include "tests/support/temporary_folder.h"

namespace sd35 {
namespace {

namespace fs = std::filesystem;

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

// Every picture among the goldens: all kinds of PNG, JPEG and WebP, turned ones too.
std::vector<fs::path> pictures() {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(SD35_SOURCE_DIR "/tests/golden/image")) {
    const std::string extension = entry.path().extension().string();
    if (extension == ".png" || extension == ".jpg" || extension == ".webp") found.push_back(entry.path());
  }
  return found;
}

TEST(ImageSize, IsThatOfThePictureReadFromAnyPrefixThatTells) {
  int compared = 0;
  for (const fs::path& path : pictures()) {
    SCOPED_TRACE(path.string());
    const std::string file = file_bytes(path);
    Image image;
    try {
      image = read_image(path);
    } catch (const FileError&) {
      continue;  // damage that the header shows has its own test
    }
    ++compared;
    const ImageSize expected{image.width, image.height};
    EXPECT_EQ(image_size(bytes_of(file), file.size(), "a"), expected);
    for (std::size_t count = 0; count < file.size(); count += 1 + count / 64) {
      const std::optional<ImageSize> size = image_size(bytes_of(file).first(count), file.size(), "a");
      EXPECT_EQ(size.value_or(expected), expected) << count;
    }
  }
  EXPECT_GT(compared, 20);
}

TEST(ImageSize, HeaderIsEnoughWithoutMetadataBehindThePixels) {
  const TemporaryFolder folder;
  const Image image{200, 100, std::vector<std::uint8_t>(60000, 7)};
  for (const char* name : {"a.png", "a.jpg", "a.webp"}) {
    write_image(folder / name, image);
    const std::string file = file_bytes(folder / name);
    std::string longer = file;  // as if most of the pixels were still to come
    longer.resize(file.size() + 100000);
    EXPECT_EQ(image_size(bytes_of(file).first(std::min<std::size_t>(file.size(), 700)), longer.size(), name),
              (ImageSize{200, 100}))
        << name;
  }
}

// One entry: Orientation (0x0112), short, big-endian.
std::string exif_with_orientation(char orientation) {
  return std::string("MM\0\x2a\0\0\0\x8\0\x1\x1\x12\0\x3\0\0\0\x1\0", 19) + orientation +
         std::string(6, '\0');
}

TEST(ImageSize, TurnedJpegAndPng) {
  const std::string golden = SD35_SOURCE_DIR "/tests/golden/image/";
  for (char orientation = 1; orientation <= 8; ++orientation) {
    const std::string exif = exif_with_orientation(orientation);
    std::string jpeg = file_bytes(golden + "baseline.jpg");
    jpeg.insert(2, std::string("\xff\xe1\0", 3) + static_cast<char>(8 + exif.size()) +
                       std::string("Exif\0\0", 6) + exif);
    std::string png = file_bytes(golden + "rgb.png");
    // The checksum is not the point: libpng only warns about a wrong one here, and leaves the chunk out.
    png.insert(33, std::string("\0\0\0", 3) + static_cast<char>(exif.size()) + "eXIf" + exif + "....");
    const Image shown = read_image(bytes_of(jpeg), "a.jpg");
    EXPECT_EQ(shown.width, orientation >= 5 ? 23 : 37);
    const ImageSize expected{shown.width, shown.height};
    EXPECT_EQ(image_size(bytes_of(jpeg), jpeg.size(), "a.jpg"), expected);
    EXPECT_EQ(image_size(bytes_of(png), png.size(), "a.png"), expected);
  }
}

TEST(ImageSize, RefusesWhatTheHeaderShows) {
  EXPECT_THROW(image_size({}, 0, "empty"), FileError);
  EXPECT_EQ(image_size({}, 100, "unread"), std::nullopt);
  const std::string text = "no picture at all";
  EXPECT_THROW(image_size(bytes_of(text), text.size(), "text"), FileError);
  // Cut anywhere, a file is refused, or has its size ahead of the cut.
  const TemporaryFolder folder;
  write_image(folder / "a.jpg", {64, 32, std::vector<std::uint8_t>(6144)});
  const std::string file = file_bytes(folder / "a.jpg");
  for (std::size_t count = 0; count < 100; ++count)
    EXPECT_THROW(image_size(bytes_of(file).first(count), count, "cut"), FileError) << count;
  std::string flat = "\x89PNG\r\n\x1a\n";
  flat += std::string("\0\0\0\x0dIHDR\0\0\0\0\0\0\0\5", 16) + std::string("\x8\x2\0\0\0....", 9) +
          std::string("\0\0\0\0IDAT....", 12);
  try {
    (void)image_size(bytes_of(flat), flat.size(), "x.png");
    FAIL();
  } catch (const FileError& error) {
    EXPECT_STREQ(error.what(), "cannot read 'x.png': it has no pixels (0x5)");
    EXPECT_EQ(error.file(), "x.png");
  }
}

TEST(ImageSize, MemoryAndFileReadTheSame) {
  for (const fs::path& path : pictures()) {
    const std::string file = file_bytes(path);
    std::string from_file, from_memory;
    Image a, b;
    try {
      a = read_image(path);
    } catch (const FileError& error) {
      from_file = error.what();
    }
    try {
      b = read_image(bytes_of(file), path.string());
    } catch (const FileError& error) {
      from_memory = error.what();
    }
    EXPECT_EQ(a, b);
    EXPECT_EQ(from_file, from_memory);
  }
}

}  // namespace
}  // namespace sd35
