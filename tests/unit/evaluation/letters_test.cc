// Which letters were read for which.
#include "evaluation/letters.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "evaluation/evaluate.h"
#include "evaluation/report.h"

namespace sd35 {
namespace {

constexpr double kUnknown = NAN;

// "H:H e:- -:x": what was asked and what was read.
std::string aligned(std::string_view asked, std::string_view read) {
  std::string text;
  for (const LetterPair& pair : align(asked, read)) {
    text += text.empty() ? "" : " ";
    text += pair.asked == 0 ? '-' : pair.asked;
    text += ':';
    text += pair.read == 0 ? '-' : pair.read;
  }
  return text;
}

TEST(AlignTest, FindsTheFewestEdits) {
  EXPECT_EQ(aligned("", ""), "");
  EXPECT_EQ(aligned("Cat", "cAT"), "C:c a:A t:T");
  EXPECT_EQ(aligned("cat", "cut"), "c:c a:u t:t");
  EXPECT_EQ(aligned("mine", "milne"), "m:m i:i -:l n:n e:e");
  EXPECT_EQ(aligned("Who", "Wo"), "W:W h:- o:o");
  EXPECT_EQ(aligned("cat", ""), "c:- a:- t:-");
  EXPECT_EQ(aligned("", "cat"), "-:c -:a -:t");
}

TEST(AlignTest, OfEqualCostsTheMostLetters) {
  // Two substitutions cost as much as a letter too few and one too many, which keep one of two letters.
  EXPECT_EQ(std::ranges::count_if(align("ab", "ba"), [](const LetterPair& p) { return p.asked == p.read; }),
            1);
}

TEST(LetterTableTest, CountsByPlaceAndLength) {
  LetterTable table;
  table.add({"Hat"}, "Hut", 15.9);
  table.add({"Hat"}, "Hat", 16);
  table.add({"Lamp"}, "Lam", kUnknown);
  EXPECT_EQ(table.all().letters, 10);
  EXPECT_EQ(table.all().right, 8);
  EXPECT_EQ(table.by_length().at(3).letters, 6);
  EXPECT_EQ(table.by_length().at(3).right, 5);
  EXPECT_EQ(table.by_length().at(4).right, 3);
  EXPECT_EQ(table.by_index().at(1).right, 3);
  EXPECT_EQ(table.by_index().at(2).right, 2);
  EXPECT_EQ(table.by_index().at(4).right, 0);
  EXPECT_EQ(table.by_index().size(), 4u);
  EXPECT_EQ(table.by_capitals().size(), 2u);
  EXPECT_EQ(table.by_capitals().at(12).right, 2);
  EXPECT_EQ(table.by_capitals().at(16).right, 3);
}

TEST(LetterTableTest, TheMostCommonConfusionsComeFirst) {
  LetterTable table;
  table.add({"oats"}, "eats", kUnknown);
  table.add({"cat"}, "cats", kUnknown);
  table.add({"lamp"}, "tree", kUnknown);  // says nothing about which letter was read for which
  table.add({"mop"}, "mep", kUnknown);
  table.add({"Hello", "World"}, "HelloWorl", kUnknown);
  const std::vector<Confusion> confusions = table.confusions();
  ASSERT_EQ(confusions.size(), 4u);
  EXPECT_EQ(confusions[0].asked + confusions[0].read, "oe");
  EXPECT_EQ(confusions[0].count, 2);
  const auto has = [&](const std::string& asked, const std::string& read) {
    return std::ranges::any_of(
        confusions, [&](const Confusion& c) { return c.asked == asked && c.read == read && c.count == 1; });
  };
  EXPECT_TRUE(has("", "s"));
  EXPECT_TRUE(has(" ", ""));
  EXPECT_TRUE(has("d", ""));
}

TEST(LetterTableTest, TheSecondWordHasPlacesOfItsOwn) {
  LetterTable table;
  table.add({"Hello", "Cat"}, "Hello Bat", kUnknown);
  EXPECT_EQ(table.all().letters, 8);  // the space is not a letter
  EXPECT_EQ(table.by_length().at(5).right, 5);
  EXPECT_EQ(table.by_length().at(3).right, 2);
  EXPECT_EQ(table.by_index().at(1).letters, 2);
  EXPECT_EQ(table.by_index().at(1).right, 1);
}

EvaluationPrompt sign(const std::vector<std::string>& words) {
  EvaluationPrompt prompt;
  prompt.kind = "words";
  prompt.group = words.size() == 2 ? "two words" : "words";
  prompt.words = words;
  return prompt;
}

Evaluation of_signs() {
  Evaluation evaluation;
  GenerateOptions& options = evaluation.generate;
  options.width = options.height = 64;
  options.num_inference_steps = 20;
  options.guidance_scale = 4.5;
  options.sampler = "euler";
  EvaluationPrompt plain, shape;
  shape.kind = shape.group = "shape";
  shape.expectation = "red circle";
  evaluation.groups = {"words", "two words", "shape"};
  evaluation.prompts = {plain, sign({"Hello", "Wall"}), shape, sign({"Cat"}), sign({"Dog"})};
  Column column;
  column.label = "model";
  column.pictures.resize(5);
  const auto see = [&](std::size_t index, const std::string& seen, bool near, bool exact) {
    column.pictures[index] = {"a.png", {{{"within one letter", near}, {"read exactly", exact}}, seen}};
  };
  see(1, "Hello Well", true, false);
  see(3, "Cat", true, true);
  see(4, "Log", true, false);
  evaluation.columns = {column};
  return evaluation;
}

TEST(GroupsTest, AreScoredApart) {
  const Evaluation evaluation = of_signs();
  const std::vector<Total> totals = totals_of(evaluation, evaluation.columns[0]);
  ASSERT_EQ(totals.size(), 4u);
  EXPECT_EQ(totals[0].group, "words");
  EXPECT_EQ(totals[0].pictures, 2);
  EXPECT_EQ(totals[1].check, "read exactly");
  EXPECT_EQ(totals[1].passed, 1);
  EXPECT_EQ(totals[2].group, "two words");
  EXPECT_EQ(totals[2].pictures, 1);
  EXPECT_NE(summary_of(evaluation).find("\ntwo words, model: within one letter 100.0 %"), std::string::npos);
  EXPECT_EQ(letters_of(evaluation, evaluation.columns[0], "words").all().right, 5);
  EXPECT_EQ(letters_of(evaluation, evaluation.columns[0], "two words").all().letters, 9);
}

TEST(GroupsTest, ThePageShowsLettersAndConfusions) {
  const std::string page = report_html(of_signs());
  for (const char* part : {"<h2>letters of words</h2>", "<h2>letters of two words</h2>",
                           "<h2 id=\"two-words\">", "D &rarr; L 1&times;", "a &rarr; e 1&times;"})
    EXPECT_NE(page.find(part), std::string::npos) << part;
  EXPECT_EQ(page.find("capitals, pixels"), std::string::npos);  // unknown for pictures that a model drew
}

}  // namespace
}  // namespace sd35
