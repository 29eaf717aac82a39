#include "core/text_words.h"

#include <gtest/gtest.h>

namespace sd35 {
namespace {

TEST(TextWords, AreRunsOfLettersAndDigits) {
  using Words = std::vector<std::string_view>;
  EXPECT_EQ(words_of("A T-shirt, with 3 dogs' \"HATS\"."),
            (Words{"A", "T", "shirt", "with", "3", "dogs", "HATS"}));
  EXPECT_EQ(words_of("don't 'quote' o'"), (Words{"don't", "quote", "o"}));
  EXPECT_EQ(words_of("Größe café"), (Words{"Größe", "café"}));
  EXPECT_EQ(words_of(" ,.!"), Words{});
  EXPECT_EQ(words_of(""), Words{});
  EXPECT_EQ(word_at_start("red cat"), "red");
  EXPECT_EQ(word_at_start(" red"), "");
}

TEST(TextWords, SmallLetters) { EXPECT_EQ(in_small_letters("A Cat 3 Ä"), "a cat 3 Ä"); }

}  // namespace
}  // namespace sd35
