#include "pipeline/prompt_check.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/error.h"

namespace sd35 {
namespace {

using Words = std::vector<std::string>;

const PromptVocabulary kFew{
    {"a",  "an",      "in",  "on", "the",   "red",  "cat",  "cats",   "cherry", "box",     "sign", "that",
     "is", "holding", "and", "t",  "shirt", "with", "says", "saying", "reads",  "reading", "word"},
    "HWdelor"};
const PromptVocabulary kNoLetters{kFew.words, ""};

std::vector<std::string> warnings(const std::string& prompt, const PromptVocabulary& vocabulary = {},
                                  const std::string& negative = "") {
  GenerateOptions options;
  options.guidance_scale = 4.5;
  options.prompt = prompt;
  options.negative_prompt = negative;
  std::vector<std::string> messages;
  Callbacks callbacks;
  callbacks.on_warning = [&](const std::string& message) { messages.push_back(message); };
  warn_of_prompts(options, vocabulary, callbacks);
  return messages;
}

TEST(UnknownWords, CaseFormsAndPunctuationDoNotMatter) {
  for (const char* prompt :
       {"a red cat", "A RED Cat.", "(red) cats, and: the cat's box!", "cherries in boxes", "a T-shirt",
        "the cats' box", "reds", "a red-cat", "", "  "})
    EXPECT_EQ(unknown_words(prompt, kFew), Words{}) << prompt;
  EXPECT_EQ(unknown_words("A wizard, a Wizard's cat and wizards", kFew),
            (Words{"wizard", "Wizard's", "wizards"}));
  EXPECT_EQ(unknown_words("7 red katzen", kFew), (Words{"7", "katzen"}));
  EXPECT_EQ(unknown_words("a red \u2014 bär", kFew), Words{"bär"});
}

TEST(UnknownWords, WhatIsToBeWrittenIsSpelled) {
  for (const char* prompt :
       {"a cat holding a sign that reads Hello World", "a sign that says \"Hello\" and a cat",
        "a sign saying: Hello", "a sign 'Hello' on a red box", "\"Hello\" on a sign",
        "\u201cHello\u201d on a sign", "a sign with the word Hello. a cat", "a sign reading hello"})
    EXPECT_EQ(unknown_words(prompt, kNoLetters), Words{}) << prompt;
  EXPECT_EQ(unknown_words("a cat reading a book", kFew), Words{"book"});
  EXPECT_EQ(unknown_words("a sign that reads Hello, and a wizard", kNoLetters), Words{"wizard"});
}

TEST(UnknownWords, ButNotWithLettersThatTheModelLacks) {
  EXPECT_EQ(unknown_words("a sign that reads Hello \u00c4rger", kFew), Words{"\u00c4rger"});
  EXPECT_EQ(unknown_words("a sign with \"Hello World!\"", kFew), Words{"World!"});
}

TEST(UnknownWords, OfAModelThatDoesNotSayAreNone) {
  EXPECT_EQ(unknown_words("a wizard \"\u00c4\"", {}), Words{});
}

// These took minutes when each place of a text looked at everything after it.
TEST(UnknownWords, OfTheLongestPromptsAreFound) {
  std::string prompt;
  while (prompt.size() < std::size_t{1} << 20) prompt += "a cat <lora: ";
  EXPECT_EQ(unknown_words(prompt + "wizard", kFew), (Words{"lora", "wizard"}));
}

TEST(PromptWarnings, OneNamesTheUnknownWords) {
  const Words messages = warnings("a wizard and a portrait", kFew, "a wizard, an ogre");
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_NE(messages[0].find("'wizard'; 'portrait'; 'ogre'"), std::string::npos) << messages[0];
}

TEST(PromptWarnings, AnInstructionIsNoUnknownWord) {
  EXPECT_EQ(warnings("a cat <lora:my-style:0.8>", kFew, "").size(), 1u);
}

TEST(PromptWarnings, InstructionsOfOtherPrograms) {
  const Words both =
      warnings("a cat <lora:my-style:0.8> (masterpiece:1.3), ((best))", {}, "(bad:0.5) <lora:x:1>");
  ASSERT_EQ(both.size(), 2u);
  EXPECT_NE(both[0].find("'<lora:my-style:0.8>'"), std::string::npos) << both[0];
  EXPECT_NE(both[0].find("--lora"), std::string::npos) << both[0];
  EXPECT_NE(both[1].find("'(masterpiece:1.3)'"), std::string::npos) << both[1];
  for (const char* prompt : {"((red)) cat", "a [cat:dog:0.5]", "a {red|blue} cat", "[cat|dog]", "[[cat]]",
                             "(a (cat:1.2) b)", "(cat: 1.1 )"})
    EXPECT_EQ(warnings(prompt).size(), 1u) << prompt;
  for (const char* prompt : {"a cat (red)", "a cat :) and ;)", "a ratio (16:9)", "a<b>c", "at 10:30",
                             "(a) (b)", "[a]", "{a}", "((", "<lora:"})
    EXPECT_EQ(warnings(prompt).size(), 0u) << prompt;
}

TEST(PromptVocabulary, IsReadFromJson) {
  const PromptVocabulary read = PromptVocabulary::from_json(
      nlohmann::json::parse(R"({"words": ["Cat", "dog"], "letters": "ab", "more": 1})"), "x");
  EXPECT_EQ(read.words, (std::set<std::string, std::less<>>{"cat", "dog"}));
  EXPECT_EQ(read.letters, "ab");
  EXPECT_TRUE(PromptVocabulary::from_json(nlohmann::json::object(), "x").words.empty());
  for (const char* bad : {R"({"words": 1})", R"({"words": [1]})", R"({"letters": []})"})
    EXPECT_THROW(PromptVocabulary::from_json(nlohmann::json::parse(bad), "x"), FileError) << bad;
}

}  // namespace
}  // namespace sd35
