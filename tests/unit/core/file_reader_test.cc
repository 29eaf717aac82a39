// Whole files and their lines, and what is not a file.
#include "core/file_reader.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "core/error.h"
#include "tests/support/file_bytes.h"
#include "tests/support/temporary_folder.h"

namespace sd35 {
namespace {

using Lines = std::vector<std::pair<std::int64_t, std::string>>;

class FileReaderTest : public testing::Test {
 protected:
  Lines lines(const std::string& text) {
    put_file(folder_ / "file", text);
    Lines found;
    for_each_line(folder_ / "file", 100,
                  [&](std::int64_t number, std::string_view line) { found.emplace_back(number, line); });
    return found;
  }

  TemporaryFolder folder_;
};

TEST_F(FileReaderTest, Lines) {
  EXPECT_EQ(lines(""), Lines{});
  EXPECT_EQ(lines("\n"), (Lines{{1, ""}}));
  EXPECT_EQ(lines("a"), (Lines{{1, "a"}}));
  EXPECT_EQ(lines("a\r\n\nb \r\nc"), (Lines{{1, "a"}, {2, ""}, {3, "b "}, {4, "c"}}));
  EXPECT_EQ(lines(std::string("\0\r\rx\r\n", 6)), (Lines{{1, std::string("\0\r\rx", 4)}}));
}

TEST_F(FileReaderTest, WhatIsNoFileIsRefusedAtOnce) {
  ASSERT_EQ(mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  std::filesystem::create_symlink("/dev/zero", folder_ / "device");
  for (const char* name : {"pipe", "device", "."}) {
    try {
      read_whole_file(folder_ / name, 100);
      ADD_FAILURE() << name << " was read";
    } catch (const FileError& error) {
      EXPECT_NE(std::string(error.what()).find("it is not a regular file"), std::string::npos)
          << error.what();
    }
  }
  EXPECT_THROW(read_whole_file(folder_ / "none", 100), FileError);
  put_file(folder_ / "file", std::string(101, 'x'));
  EXPECT_THROW(read_whole_file(folder_ / "file", 100), FileError);
  EXPECT_EQ(read_whole_file(folder_ / "file", 101).size(), 101u);
}

}  // namespace
}  // namespace sd35
