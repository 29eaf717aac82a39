// Exceptions on their way to the border of the library.
#include "core/error.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <new>
#include <stdexcept>

namespace sd35 {
namespace {

// Throws what `body` throws, as the public functions do.
void at_the_border(const std::function<void()>& body) {
  try {
    body();
  } catch (...) {
    rethrow_as_error();
  }
}

TEST(ErrorTest, OfOtherKindsBecomeOursAtTheBorder) {
  EXPECT_THROW(at_the_border([] { throw std::bad_alloc(); }), MemoryError);
  EXPECT_THROW(at_the_border([] { (void)std::filesystem::file_size("/no/such/file"); }), FileError);
  EXPECT_THROW(at_the_border([] { throw std::length_error("too long"); }), Error);
  EXPECT_THROW(at_the_border([] { throw 1; }), Error);
  EXPECT_THROW(at_the_border([] { throw NumericError("NaN"); }), NumericError);
  EXPECT_THROW(at_the_border([] { throw Cancelled(); }), Cancelled);
}

TEST(ErrorTest, ContextLeavesTheKindAsItIs) {
  const auto with_context = [](const std::function<void()>& body) {
    try {
      body();
    } catch (...) {
      rethrow_with_context("a stage");
    }
  };
  EXPECT_THROW(with_context([] { throw std::bad_alloc(); }), MemoryError);
  EXPECT_THROW(with_context([] { throw Cancelled(); }), Cancelled);
  try {
    with_context([] { throw FileError("gone"); });
    ADD_FAILURE() << "nothing was thrown";
  } catch (const FileError& error) {
    EXPECT_STREQ(error.what(), "a stage: gone");
  }
}

TEST(ErrorTest, OfAnOptionNamesItWhereNoneIsNamed) {
  std::filesystem::path file;
  const auto option_of = [&](const std::function<void()>& body) -> std::string {
    try {
      try {
        body();
      } catch (...) {
        rethrow_about("vae");
      }
    } catch (const Error& error) {
      EXPECT_STREQ(error.what(), "gone");
      file = error.file();
      return error.option();
    }
    return "nothing was thrown";
  };
  EXPECT_EQ(option_of([] { throw FileError("gone"); }), "vae");
  EXPECT_EQ(option_of([] { throw ArgumentError("gone"); }), "vae");
  EXPECT_EQ(option_of([] { throw ArgumentError("gone", "width"); }), "width");
  EXPECT_EQ(option_of([] { throw FileError("gone", "width"); }), "width");
  EXPECT_EQ(option_of([] { throw Error("gone"); }), "");
  EXPECT_EQ(option_of([] { throw FileError("gone", {}, "a.safetensors"); }), "vae");
  EXPECT_EQ(file, "a.safetensors");
  EXPECT_EQ(option_of([] { throw ArgumentError("gone", {}, "b.safetensors"); }), "vae");
  EXPECT_EQ(file, "b.safetensors");
}

}  // namespace
}  // namespace sd35
