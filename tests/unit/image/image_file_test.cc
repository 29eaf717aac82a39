#include "image/image_file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cmath>
#include <csignal>
#include <span>
#include <string>

#include "core/error.h"
#include "image/resize.h"
#include "tests/support/file_bytes.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/image/goldens.h"

namespace sd35 {
namespace {

namespace fs = std::filesystem;

Image golden(const std::string& name) {
  const std::string bytes = file_bytes(kGolden + name + ".rgb");
  return {37, 23, {bytes.begin(), bytes.end()}};
}

// Smooth, as photographs are: the pixels of the golden picture enlarged.
Image smooth_picture() { return resize(golden("rgb.png"), 128, 96); }

double psnr(const Image& a, const Image& b) {
  if (a.rgb.size() != b.rgb.size()) return 0.0;
  double sum = 0.0;
  for (std::size_t i = 0; i < a.rgb.size(); ++i) sum += std::pow(a.rgb[i] - b.rgb[i], 2);
  return 10 * std::log10(255.0 * 255.0 * static_cast<double>(a.rgb.size()) / sum);
}

template <class Exception, class Body>
std::string message_of(Body body) {
  try {
    body();
  } catch (const Exception& e) {
    return e.what();
  }
  return "nothing of this kind was thrown";
}

TEST(ImageFile, FormatIsChosenByExtension) {
  EXPECT_EQ(image_format_of("a.png"), ImageFormat::png);
  EXPECT_EQ(image_format_of("x/b.PNG"), ImageFormat::png);
  EXPECT_EQ(image_format_of("a.b.JpG"), ImageFormat::jpeg);
  EXPECT_EQ(image_format_of("a.jpeg"), ImageFormat::jpeg);
  EXPECT_EQ(image_format_of("a.WebP"), ImageFormat::webp);
  EXPECT_EQ(message_of<ArgumentError>([] { image_format_of("a.gif"); }),
            "unknown image extension '.gif' of 'a.gif'; known: .png, .jpg, .jpeg, .webp");
  EXPECT_THROW(image_format_of("png"), ArgumentError);
  EXPECT_THROW(image_format_of(".png"), ArgumentError);
}

TEST(ImageFile, PngIsExactAndDeterministic) {
  const TemporaryFolder folder;
  const Metadata metadata{"a cat", "{}"};
  write_image(folder / "a.png", golden("rgb.png"), metadata);
  write_image(folder / "b.png", golden("rgb.png"), metadata);
  EXPECT_EQ(read_image(folder / "a.png"), golden("rgb.png"));
  EXPECT_EQ(file_bytes(folder / "a.png"), file_bytes(folder / "b.png"));
  EXPECT_EQ(file_bytes(folder / "a.png").find("tIME"), std::string::npos);
}

TEST(ImageFile, LosslessWebpIsExact) {
  const TemporaryFolder folder;
  write_image(folder / "a.webp", golden("rgb.png"), {}, {.lossless = true});
  EXPECT_EQ(read_image(folder / "a.webp"), golden("rgb.png"));
}

TransparentImage transparent(const std::string& file) {
  return read_transparent_image(std::as_bytes(std::span(file)), "a picture");
}

TEST(TransparentImage, KeepsAlphaOfWebp) {
  const std::string file = file_bytes(SD35_SOURCE_DIR "/assets/fluent-emoji/1f3a9.webp");
  const TransparentImage hat = transparent(file);
  ASSERT_EQ(hat.rgba.size(), 4u * 256 * 256);
  const auto alpha = [&](std::size_t x, std::size_t y) { return hat.rgba[4 * (256 * y + x) + 3]; };
  EXPECT_EQ(alpha(0, 0), 0);
  EXPECT_EQ(alpha(255, 255), 0);
  EXPECT_EQ(alpha(128, 100), 255);
  EXPECT_THROW(transparent(file.substr(0, file.size() / 2)), FileError);
  EXPECT_THROW(transparent(""), FileError);
}

// In every format, and turned as its Exif says.
TEST(TransparentImage, HasTheColoursOfTheImage) {
  const std::vector<std::pair<std::string, bool>> files{
      {"rgba.png", true},          {"grey_alpha.png", true},
      {"alpha.webp", true},        {"palette_transparent.png", true},
      {"grey16.png", false},       {"cmyk.jpg", false},
      {"orientation6.webp", false}};
  for (const auto& [name, has_alpha] : files) {
    const Image image = read_image(kGolden + name);
    const TransparentImage same = read_transparent_image(kGolden + name);
    ASSERT_EQ(same.width, image.width) << name;
    ASSERT_EQ(same.height, image.height) << name;
    bool translucent = false;
    for (std::size_t i = 0; i < image.rgb.size() / 3; ++i) {
      const std::uint8_t alpha = same.rgba[4 * i + 3];
      translucent = translucent || alpha < 255;
      if (alpha == 0) continue;  // WebP forgets colours that nobody sees
      for (std::size_t c = 0; c < 3; ++c) ASSERT_EQ(same.rgba[4 * i + c], image.rgb[3 * i + c]) << name;
    }
    EXPECT_EQ(translucent, has_alpha) << name;
  }
}

TEST(ImageFile, LossyFormatsAreCloseAndObeyQuality) {
  const TemporaryFolder folder;
  const Image picture = smooth_picture();
  for (const auto& [name, least] : {std::pair("a.jpg", 36.0), std::pair("a.webp", 30.0)}) {
    write_image(folder / name, picture);
    const double at_95 = psnr(read_image(folder / name), picture);
    const auto bytes_at_95 = fs::file_size(folder / name);
    EXPECT_GT(at_95, least) << name;
    write_image(folder / name, picture, {}, {.quality = 30});
    EXPECT_LT(psnr(read_image(folder / name), picture), at_95) << name;
    EXPECT_LT(fs::file_size(folder / name), bytes_at_95) << name;
  }
}

TEST(ImageFile, RefusesImpossibleRequests) {
  const TemporaryFolder folder;
  const Image wide{20000, 1, std::vector<std::uint8_t>(60000)};
  EXPECT_THROW(write_image(folder / "a.webp", wide), ArgumentError);
  write_image(folder / "a.jpg", wide);
  EXPECT_THROW(write_image(folder / "b.png", Image{2, 2, {1, 2, 3}}), ArgumentError);
  EXPECT_THROW(write_image(folder / "b.jpg", wide, {}, {.quality = 0}), ArgumentError);
  EXPECT_THROW(write_image(folder / "b.jpg", wide, {}, {.quality = 101}), ArgumentError);
  EXPECT_EQ(folder.entries(), 1);
}

TEST(ImageFile, FullDiskLeavesTheExistingTarget) {
  const TemporaryFolder folder;
  put_file(folder / "a.png", "precious");
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  auto* const handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{100, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  const std::string message =
      message_of<FileError>([&] { write_image(folder / "a.png", golden("rgb.png")); });
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(message, "cannot write '" + (folder / "a.png").string() + "': File too large");
  EXPECT_EQ(file_bytes(folder / "a.png"), "precious");
  EXPECT_EQ(folder.entries(), 1);
}

class StoredKind : public testing::TestWithParam<const char*> {};

TEST_P(StoredKind, ReadsAsPillowDoes) {
  const Image image = read_image(kGolden + GetParam());
  Image expected = golden(GetParam());
  if (image.width == 23) std::swap(expected.width, expected.height);
  ASSERT_EQ(image.width, expected.width);
  ASSERT_EQ(image.height, expected.height);
  ASSERT_EQ(image.rgb.size(), expected.rgb.size());
  // Pillow may carry another version of the JPEG and WebP libraries, which round colour conversion a little
  // differently.
  const int tolerance = std::string(GetParam()).ends_with("png") ? 0 : 2;
  for (std::size_t i = 0; i < expected.rgb.size(); ++i)
    ASSERT_NEAR(image.rgb[i], expected.rgb[i], tolerance) << "byte " << i;
}

INSTANTIATE_TEST_SUITE_P(Kinds, StoredKind,
                         testing::Values("rgb.png", "rgba.png", "grey.png", "grey_alpha.png", "bits.png",
                                         "palette.png", "palette_transparent.png", "grey16.png",
                                         "baseline.jpg", "progressive.jpg", "grey.jpg", "cmyk.jpg",
                                         "lossy.webp", "lossless.webp", "alpha.webp", "orientation2.webp",
                                         "orientation3.webp", "orientation4.webp", "orientation5.webp",
                                         "orientation6.webp", "orientation7.webp", "orientation8.webp"));

class Damage : public testing::TestWithParam<const char*> {};

TEST_P(Damage, TruncatedAtEveryByteIsAnError) {
  const TemporaryFolder folder;
  const std::string whole = file_bytes(kGolden + GetParam());
  for (std::size_t length = 0; length < whole.size(); ++length) {
    put_file(folder / "cut", whole.substr(0, length));
    EXPECT_THROW(read_image(folder / "cut"), FileError) << length << " of " << whole.size() << " bytes";
    message_of<FileError>([&] { read_metadata(folder / "cut"); });  // a complete header may satisfy it
  }
}

TEST_P(Damage, FlippedBytesAreReadOrRefused) {
  const TemporaryFolder folder;
  const std::string whole = file_bytes(kGolden + GetParam());
  for (std::size_t i = 0; i < whole.size(); ++i) {
    std::string damaged = whole;
    damaged[i] = static_cast<char>(~damaged[i]);
    put_file(folder / "damaged", damaged);
    message_of<FileError>([&] {
      const Image image = read_image(folder / "damaged");
      EXPECT_EQ(image.rgb.size(), std::size_t{3} * image.width * image.height);
    });
    message_of<FileError>([&] { read_metadata(folder / "damaged"); });
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, Damage,
                         testing::Values("rgba.png", "palette_transparent.png", "grey16.png", "baseline.jpg",
                                         "progressive.jpg", "cmyk.jpg", "lossy.webp", "alpha.webp",
                                         "orientation5.webp", "parameters.png", "parameters_little.jpg"));

TEST(ImageFile, MessagesOfUnreadableFiles) {
  const TemporaryFolder folder;
  const std::string path = (folder / "a.png").string();
  EXPECT_EQ(message_of<FileError>([&] { read_image(path); }),
            "cannot read '" + path + "': No such file or directory");
  put_file(path, "GIF89a, really");
  EXPECT_EQ(message_of<FileError>([&] { read_metadata(path); }),
            "cannot read '" + path + "': it is not a PNG, JPEG or WebP image");
  put_file(path, file_bytes(kGolden + "rgb.png").substr(0, 200));
  EXPECT_EQ(message_of<FileError>([&] { read_image(path); }),
            "cannot read '" + path + "': PNG: the file ends inside a chunk");
  EXPECT_EQ(message_of<FileError>([&] { read_image(folder.path()); }),
            "cannot read '" + folder.path().string() + "': it is not a regular file");
}

TEST(ImageFile, PipesAndDevicesAreNotRead) {
  const TemporaryFolder folder;
  ASSERT_EQ(mkfifo((folder / "pipe.png").c_str(), 0600), 0);
  for (const fs::path& path : {folder / "pipe.png", fs::path("/dev/zero")}) {
    const std::string message = "cannot read '" + path.string() + "': it is not a regular file";
    EXPECT_EQ(message_of<FileError>([&] { read_image(path); }), message);
    EXPECT_EQ(message_of<FileError>([&] { read_metadata(path); }), message);
  }
}

// The sizes in a JPEG's frame header are not guarded by a checksum.
std::string jpeg_of_size(int width, int height) {
  std::string bytes = file_bytes(kGolden + "baseline.jpg");
  const std::size_t frame = bytes.find("\xff\xc0");
  bytes[frame + 5] = static_cast<char>(height >> 8);
  bytes[frame + 6] = static_cast<char>(height);
  bytes[frame + 7] = static_cast<char>(width >> 8);
  bytes[frame + 8] = static_cast<char>(width);
  return bytes;
}

TEST(ImageFile, HugeSizesAreRefusedBeforeAnyAllocation) {
  const TemporaryFolder folder;
  const auto refusal = [&](int width, int height) {
    put_file(folder / "huge.jpg", jpeg_of_size(width, height));
    return message_of<FileError>([&] { read_image(folder / "huge.jpg"); });
  };
  EXPECT_NE(refusal(32769, 1).find("a side may have 32768"), std::string::npos);
  EXPECT_NE(refusal(32768, 32768).find("at most 268435456 are read"), std::string::npos);
  EXPECT_NE(refusal(16000, 16000).find("too short for its 16000x16000 pixels"), std::string::npos);
}

TEST(ImageFile, HugeChunksAreRefusedBeforeAnyAllocation) {
  const TemporaryFolder folder;
  std::string bytes = file_bytes(kGolden + "parameters.png");
  bytes.replace(bytes.find("iTXt") - 4, 4, "\x7f\xff\xff\x00", 4);
  put_file(folder / "huge.png", bytes);
  for (const auto read :
       {+[](const fs::path& path) { read_image(path); }, +[](const fs::path& path) { read_metadata(path); }})
    EXPECT_NE(message_of<FileError>([&] { read(folder / "huge.png"); }).find("the file ends inside a chunk"),
              std::string::npos);
}

TEST(ImageFile, AnAnimatedPngIsRefused) {
  std::string bytes = file_bytes(kGolden + "rgb.png");
  const TemporaryFolder folder;
  for (const char frames : {'\1', '\2'}) {
    // After the header: length, kind, frames, how often, checksum (which readers do not look at here).
    const std::string chunk = std::string("\0\0\0\10acTL\0\0\0", 11) + frames + std::string(8, '\0');
    put_file(folder / "moving.png", bytes.substr(0, 33) + chunk + bytes.substr(33));
    const std::string message = message_of<FileError>([&] { read_image(folder / "moving.png"); });
    EXPECT_EQ(message.find("it is an animation") != message.npos, frames == 2) << message;
  }
}

TEST(ImageFile, AFlatPictureMayBeTiny) {
  const TemporaryFolder folder;
  const Image flat{2000, 1500, std::vector<std::uint8_t>(std::size_t{9'000'000}, 7)};
  for (const char* name : {"a.png", "a.jpg", "a.webp"}) {
    write_image(folder / name, flat, {}, {.lossless = true});
    EXPECT_TRUE(read_image(folder / name) == flat) << name;
  }
}

}  // namespace
}  // namespace sd35
