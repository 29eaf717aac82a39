#include "core/inner_path.h"

#include <gtest/gtest.h>

namespace sd35 {
namespace {

TEST(InnerPathTest, StaysInItsFolder) {
  for (const char* path : {"a.png", "a/b.png", "./a.png", "a/../b.png", "...", "..a"})
    EXPECT_TRUE(is_inner_path(path)) << path;
  for (const std::string& path :
       {std::string(), std::string("/etc/hostname"), std::string(".."), std::string("../a.png"),
        std::string("a/../../b.png"), std::string("a/"), std::string("a\0b", 3)})
    EXPECT_FALSE(is_inner_path(path)) << path;
}

}  // namespace
}  // namespace sd35
