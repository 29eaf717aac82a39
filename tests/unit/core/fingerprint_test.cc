#include "core/fingerprint.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <string>

#include "core/error.h"
#include "tests/support/file_bytes.h"
#include "tests/support/temporary_folder.h"

namespace sd35 {
namespace {

TEST(SampledFingerprintTest, IsThatOfTheContentAlone) {
  const TemporaryFolder folder;
  std::string bytes(8 << 20, 'a');
  put_file(folder / "a", bytes);
  put_file(folder / "b", bytes);
  const std::string hash = fingerprint({folder / "a"}, Reading::samples);
  EXPECT_EQ(hash.size(), 32u);
  EXPECT_EQ(fingerprint({folder / "b"}, Reading::samples), hash);
  for (const std::size_t place : {std::size_t{0}, std::size_t{1 << 20}, bytes.size() - 1}) {
    std::string other = bytes;
    other[place] = 'b';
    put_file(folder / "c", other);
    EXPECT_NE(fingerprint({folder / "c"}, Reading::samples), hash) << place;
  }
  put_file(folder / "c", bytes + "a");
  EXPECT_NE(fingerprint({folder / "c"}, Reading::samples), hash);
}

TEST(SampledFingerprintTest, CountsEveryFileInItsOrder) {
  const TemporaryFolder folder;
  put_file(folder / "a", "a");
  put_file(folder / "b", "b");
  put_file(folder / "empty", "");
  EXPECT_NE(fingerprint({folder / "a", folder / "b"}, Reading::samples),
            fingerprint({folder / "b", folder / "a"}, Reading::samples));
  EXPECT_NE(fingerprint({folder / "a"}, Reading::samples),
            fingerprint({folder / "a", folder / "empty"}, Reading::samples));
  EXPECT_THROW(fingerprint({folder / "missing"}, Reading::samples), FileError);
}

TEST(Fingerprint, NoticesContentsAndNotPlaces) {
  const TemporaryFolder folder;
  std::string bytes(300000, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 31 >> 3);
  put_file(folder / "a", bytes);
  put_file(folder / "b", "second");
  const std::string original = fingerprint({folder / "a", folder / "b"}, Reading::every_byte);
  EXPECT_EQ(original.size(), 32u);
  std::filesystem::rename(folder / "a", folder / "moved");
  EXPECT_EQ(fingerprint({folder / "moved", folder / "b"}, Reading::every_byte), original);
  std::set<std::string> seen = {original, fingerprint({folder / "b", folder / "moved"}, Reading::every_byte),
                                fingerprint({folder / "moved"}, Reading::every_byte),
                                fingerprint({}, Reading::every_byte)};
  for (const std::size_t at : {std::size_t{0}, bytes.size() / 2, bytes.size() - 1}) {
    std::string changed = bytes;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    put_file(folder / "changed", changed);
    seen.insert(fingerprint({folder / "changed", folder / "b"}, Reading::every_byte));
  }
  put_file(folder / "changed", bytes + "second");  // the same bytes, cut elsewhere
  put_file(folder / "empty", "");
  seen.insert(fingerprint({folder / "changed", folder / "empty"}, Reading::every_byte));
  EXPECT_EQ(seen.size(), 8u);
  EXPECT_THROW(fingerprint({folder / "none"}, Reading::every_byte), FileError);
}

// Several chunks; holes in the file make it cheap.
TEST(Fingerprint, NoticesChangesInEveryChunk) {
  const TemporaryFolder folder;
  put_file(folder / "a", "");
  std::filesystem::resize_file(folder / "a", (40 << 20) + 5);
  std::set<std::string> seen = {fingerprint({folder / "a"}, Reading::every_byte)};
  for (const int megabyte : {0, 17, 33, 40}) {
    std::fstream file(folder / "a", std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(megabyte << 20);
    file.put('x');
    file.close();
    seen.insert(fingerprint({folder / "a"}, Reading::every_byte));
  }
  EXPECT_EQ(seen.size(), 5u);
}

}  // namespace
}  // namespace sd35
