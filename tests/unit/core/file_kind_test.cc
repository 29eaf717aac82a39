#include "core/file_kind.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/support/file_bytes.h"
#include "tests/support/temporary_folder.h"

namespace sd35 {
namespace {

using namespace std::literals;

std::string kind_of(std::string_view bytes) { return file_kind(std::as_bytes(std::span(bytes))); }

void expect_kind(std::string_view bytes, const std::string& part) {
  const std::string kind = kind_of(bytes);
  EXPECT_NE(kind.find(part), std::string::npos) << kind;
  EXPECT_EQ(kind.find('\n'), std::string::npos) << kind;
}

TEST(FileKind, OfWhatLiesInPlaceOfWeights) {
  expect_kind("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 4939315000\n", "git lfs pull");
  expect_kind("<!DOCTYPE html><html><title>Access denied</title></html>", "web page (HTML)");
  expect_kind("\xef\xbb\xbf\n  <HTML lang=en>", "web page (HTML)");
  expect_kind("Access to model x is restricted.\nPlease log in.",
              "text, which begins 'Access to model x is restricted.'");
  expect_kind("{\"error\": \"Invalid credentials\"}", "JSON, which begins '{\"error\"");
  expect_kind("PK\x03\x04\0\0\0\0archive/data.pkl"sv,
              "PyTorch file (a zip archive of pickles); convert it to safetensors");
  expect_kind("PK\x03\x04\0\0\0\0readme.txt"sv, "a zip archive");
  expect_kind("\x80\x02}q\0X"sv, "PyTorch file (a pickle); convert it to safetensors");
  expect_kind("\x80\x05\x95\x10\0\0\0\0\0\0\0}"sv, "a pickle");
  expect_kind("", "an empty file");
  expect_kind(std::string(4096, '\0'), "begins with zeros");
  expect_kind("\x89PNG\r\n\x1a\n\0\0\0\rIHDR"sv, "a PNG picture");
  expect_kind("\xff\xd8\xff\xe0", "a JPEG picture");
  expect_kind("RIFF\x24\0\0\0WEBPVP8 "sv, "a WebP picture");
  expect_kind(std::string(257, 'a') + "ustar", "a tar archive");
  expect_kind("\x1f\x8b\x08", "a gzip archive");
  expect_kind("GGUF\x03\0\0\0"sv, "a GGUF file");
}

TEST(FileKind, SaysNothingOfSafetensorsAndOtherBytes) {
  // A length that begins as a pickle does.
  EXPECT_EQ(kind_of("\x80\x02\0\0\0\0\0\0{\"a\":"sv), "");
  EXPECT_EQ(kind_of("\x01\x02\x03\x04\x05"sv), "");
  EXPECT_EQ(kind_of(std::string(100, '\0')), "");
  EXPECT_EQ(kind_of(std::string(100, '\xff')), "");
}

TEST(FileKind, OfAFileAndNeverOfAPipe) {
  const TemporaryFolder folder;
  put_file(folder / "a", "GGUF");
  EXPECT_EQ(file_kind(folder / "a"), "a GGUF file");
  EXPECT_EQ(file_kind(folder / "none"), "");
  ASSERT_EQ(mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(file_kind(folder / "pipe"), "");
  EXPECT_EQ(file_kind("/dev/zero"), "");
}

}  // namespace
}  // namespace sd35
