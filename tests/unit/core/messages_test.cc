#include "core/messages.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace sd35 {
namespace {

using namespace std::string_literals;

TEST(Printable, KeepsTextOfEveryLanguage) {
  for (const std::string text : {"", "model.safetensors", "Ålesund/Straße", "写真 한국 עברית العربية",
                                 "🦫🇳🇴👩‍🚀", "a\\x1b", "\xf4\x8f\xbf\xbd"})
    EXPECT_EQ(printable(text), text);
}

TEST(Printable, EscapesWhatATerminalObeys) {
  EXPECT_EQ(printable("a\nb\r\tc"), "a\\x0ab\\x0d\\x09c");
  EXPECT_EQ(printable("\x1b]0;title\x07"), "\\x1b]0;title\\x07");
  EXPECT_EQ(printable("nul\0del\x7f"s), "nul\\x00del\\x7f");
  EXPECT_EQ(printable("\xc2\x9b[31m"), "\\xc2\\x9b[31m") << "CSI as one character";
  EXPECT_EQ(printable("\x9b[31m"), "\\x9b[31m") << "and as one byte";
  EXPECT_EQ(printable("gnp.\xe2\x80\xae"), "gnp.\\xe2\\x80\\xae") << "right-to-left override";
  EXPECT_EQ(printable("a\xe2\x80\xa8z"), "a\\xe2\\x80\\xa8z") << "line separator";
}

TEST(Printable, EscapesBytesThatAreNotUtf8) {
  EXPECT_EQ(printable("\xff"), "\\xff");
  EXPECT_EQ(printable("caf\xe9"), "caf\\xe9") << "Latin-1";
  EXPECT_EQ(printable("\xe2\x82"), "\\xe2\\x82") << "cut short";
  EXPECT_EQ(printable("\xc0\x9b\xc1\x9b"), "\\xc0\\x9b\\xc1\\x9b") << "longer than it need be";
  EXPECT_EQ(printable("\xe0\x80\x9b"), "\\xe0\\x80\\x9b");
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80") << "half of a pair of UTF-16";
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80") << "beyond Unicode";
  EXPECT_EQ(printable("\xfe\x80\x80\x80\x80\x80\x80"), "\\xfe\\x80\\x80\\x80\\x80\\x80\\x80");
}

TEST(Error, IsOneLineWhateverItQuotes) {
  EXPECT_STREQ(FileError("cannot read 'a\nb\x1b[2J'").what(), "cannot read 'a\\x0ab\\x1b[2J'");
  try {
    try {
      throw ArgumentError("x\n");
    } catch (...) {
      rethrow_with_context("y\n");
    }
  } catch (const ArgumentError& error) {
    EXPECT_STREQ(error.what(), "y\\x0a: x\\x0a");
  }
}

TEST(InQuotes, CutsLongNamesBetweenCharacters) {
  EXPECT_EQ(in_quotes("a\nb"), "'a\\x0ab'");
  EXPECT_EQ(in_quotes(std::string(500, 'n')), "'" + std::string(500, 'n') + "'");
  EXPECT_EQ(in_quotes(std::string(499, 'n') + "éa"), "'" + std::string(499, 'n') + "...'");
}

}  // namespace
}  // namespace sd35
