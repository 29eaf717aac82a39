#include "core/content_hash.h"

#include <gtest/gtest.h>

#include <string>

#include "core/error.h"
#include "tests/support/file_bytes.h"
#include "tests/support/temporary_folder.h"

namespace sd35 {
namespace {

TEST(ContentHashTest, IsThatOfTheContentAlone) {
  const TemporaryFolder folder;
  std::string bytes(8 << 20, 'a');
  put_file(folder / "a", bytes);
  put_file(folder / "b", bytes);
  const std::string hash = content_hash({folder / "a"});
  EXPECT_EQ(hash.size(), 32u);
  EXPECT_EQ(content_hash({folder / "b"}), hash);
  for (const std::size_t place : {std::size_t{0}, std::size_t{1 << 20}, bytes.size() - 1}) {
    std::string other = bytes;
    other[place] = 'b';
    put_file(folder / "c", other);
    EXPECT_NE(content_hash({folder / "c"}), hash) << place;
  }
  put_file(folder / "c", bytes + "a");
  EXPECT_NE(content_hash({folder / "c"}), hash);
}

TEST(ContentHashTest, CountsEveryFileInItsOrder) {
  const TemporaryFolder folder;
  put_file(folder / "a", "a");
  put_file(folder / "b", "b");
  put_file(folder / "empty", "");
  EXPECT_NE(content_hash({folder / "a", folder / "b"}), content_hash({folder / "b", folder / "a"}));
  EXPECT_NE(content_hash({folder / "a"}), content_hash({folder / "a", folder / "empty"}));
  EXPECT_THROW(content_hash({folder / "missing"}), FileError);
}

}  // namespace
}  // namespace sd35
