// Letters under image tokens: which tokens they cover, what is learned about them, and what is measured.
#include "train/objectives/letter_layer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <set>

#include "core/error.h"
#include "tests/support/file_bytes.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_model.h"
#include "tests/unit/train/learning.h"
#include "train/objectives/letter_validation.h"
#include "train/objectives/transformer_objective.h"
#include "train/samples/batches.h"

namespace sd35::train {
namespace {

AnnotatedLetter letter(const std::string& character, int index, const PictureBox& box, int word = 0) {
  return {character, index, word, 0, box};
}

std::vector<std::pair<std::int64_t, std::size_t>> covered(const std::vector<AnnotatedLetter>& letters,
                                                          const TokenWindow& window) {
  std::vector<std::pair<std::int64_t, std::size_t>> found;
  for (const LetterToken& token : covered_tokens(letters, window, 16))
    found.emplace_back(token.token, token.letter);
  return found;
}

TEST(CoveredTokens, AreThoseOfThreeTenths) {
  using Found = std::vector<std::pair<std::int64_t, std::size_t>>;
  const TokenWindow whole{0, 0, 4, 4};
  EXPECT_EQ(covered({letter("a", 0, {16, 16, 16, 16})}, whole), (Found{{5, 0}}));
  // 0.3 of a token is 76.8 square pixels.
  EXPECT_EQ(covered({letter("l", 0, {16, 16, 4.85, 16})}, whole), (Found{{5, 0}}));
  EXPECT_TRUE(covered({letter("l", 0, {16, 16, 4.75, 16})}, whole).empty());
  // Half of one column and all of the next, two rows.
  EXPECT_EQ(covered({letter("m", 0, {24, 0, 24, 32})}, whole), (Found{{1, 0}, {2, 0}, {5, 0}, {6, 0}}));
  // The larger part wins.
  EXPECT_EQ(covered({letter("a", 0, {16, 16, 7, 16}), letter("b", 1, {23, 16, 9, 16})}, whole),
            (Found{{5, 1}}));
  // Over the edge of the picture.
  EXPECT_EQ(covered({letter("a", 0, {-16, -8, 32, 24})}, whole), (Found{{0, 0}}));
  EXPECT_TRUE(covered({letter("a", 0, {-40, 0, 16, 16}), letter("a", 0, {80, 80, 16, 16})}, whole).empty());
}

TEST(CoveredTokens, OfAWindowAreCountedInIt) {
  const std::vector<AnnotatedLetter> letters{letter("a", 0, {32, 32, 16, 16}),
                                             letter("b", 1, {96, 32, 16, 16})};
  const auto found = covered(letters, {1, 1, 3, 2});
  ASSERT_EQ(found.size(), 1u);  // the second lies outside
  EXPECT_EQ(found[0].first, 4);
}

TEST(LetterClasses, AreCharactersAndPlaces) {
  std::set<int> classes;
  for (char c = '!'; c <= '~'; ++c) classes.insert(character_class(std::string(1, c)));
  EXPECT_EQ(classes.size(), 94u);
  EXPECT_EQ(*classes.begin(), 0);
  for (const char* other : {"", "fi", "é", " "}) EXPECT_EQ(character_class(other), kCharacterClasses - 1);
  EXPECT_EQ(place_class(3), 3);
  EXPECT_EQ(place_class(40), kPlaceClasses - 1);
}

std::vector<AnnotatedLetter> word(const std::string& text, int number = 0) {
  std::vector<AnnotatedLetter> letters;
  for (const char c : text)
    letters.push_back(letter(std::string(1, c), static_cast<int>(letters.size()), {}, number));
  return letters;
}

TEST(MisspeltCaption, DiffersInOneLetterOfTheWord) {
  const std::string caption = "a sign that says red, by a tired redhead";
  std::set<std::size_t> changed;
  for (std::uint32_t i = 0; i < 60; ++i) {
    const auto result = misspelt(caption, word("RED"), SampleRandom(i, 0, 0));
    ASSERT_TRUE(result.has_value());
    ASSERT_EQ(result->caption.size(), caption.size());
    std::vector<std::size_t> places;
    for (std::size_t c = 0; c < caption.size(); ++c)
      if (caption[c] != result->caption[c]) places.push_back(c);
    ASSERT_EQ(places.size(), 1u) << result->caption;
    EXPECT_EQ(places[0], 17 + result->letter);  // of the word itself, not of "tired"
    EXPECT_TRUE(std::islower(result->caption[places[0]])) << result->caption;
    changed.insert(result->letter);
  }
  EXPECT_EQ(changed, (std::set<std::size_t>{0, 1, 2}));
}

TEST(MisspeltCaption, NeedsAWordOfTheSign) {
  EXPECT_FALSE(misspelt("a tired redhead", word("red"), SampleRandom(0, 0, 0)).has_value());
  EXPECT_FALSE(misspelt("a cat", {}, SampleRandom(0, 0, 0)).has_value());
  EXPECT_FALSE(misspelt("&!", word("&!"), SampleRandom(0, 0, 0)).has_value());
  std::vector<AnnotatedLetter> two = word("no");
  for (const AnnotatedLetter& more : word("A7", 1)) two.push_back(more);
  const auto result = misspelt("\"yes A7\"", two, SampleRandom(0, 0, 0));
  ASSERT_TRUE(result.has_value());
  EXPECT_GE(result->letter, 2u);
  const char replaced = result->caption[5 + result->letter - 2];
  EXPECT_TRUE(result->letter == 2 ? std::isupper(replaced) : std::isdigit(replaced)) << result->caption;
}

class LetterTraining : public ::testing::Test {
 protected:
  LetterTraining() : files_(ModelFiles::open(tiny_model().string())) {
    std::filesystem::create_directory(folder_ / "data");
    write_colours(folder_ / "data", 64);
    put_file(folder_ / "data/0.json",
             R"({"letters": [{"letter": "r", "index": 0, "word": 0, "line": 0, "box": [0, 16, 32, 32]},
                             {"letter": "e", "index": 1, "word": 0, "line": 0, "box": [32, 16, 16, 16]},
                             {"letter": "d", "index": 2, "word": 0, "line": 0, "box": [48, 16, 16, 16]}]})");
    put_file(folder_ / "data/4.json",
             R"({"letters": [{"letter": "b", "index": 0, "word": 0, "line": 0, "box": [16, 48, 16, 16]}]})");
    config_.data = config_.validation_data = (folder_ / "data").string();
    config_.dtype = "f32";
    config_.transformer.letter_weight = 0.5;
    config_.transformer.letter_until = 100;
    config_.stages = {{.steps = 200, .batch_size = 8, .resolutions = {64}, .max_sequence_length = 16}};
  }
  std::unique_ptr<TransformerObjective> objective() {
    return std::make_unique<TransformerObjective>(config_, files_, folder_ / "cache", OnMessage());
  }
  static FlowBatch prepared(TransformerObjective& objective, std::int64_t step) {
    MicroBatch batch = first_samples(8, 64);
    batch.step = step;
    return std::any_cast<FlowBatch>(prepare_batch(objective, batch, StepRandom(0, step)));
  }

  TemporaryFolder folder_;
  ModelFiles files_;
  TrainConfig config_;
};

TEST_F(LetterTraining, TargetsFollowTheBoxes) {
  const auto trained = objective();
  const LetterTargets letters = prepared(*trained, 0).letters;
  const auto ints = [](const Tensor& tensor) {
    return std::vector<std::int32_t>(tensor.data<std::int32_t>(),
                                     tensor.data<std::int32_t>() + tensor.numel());
  };
  EXPECT_EQ(ints(letters.tokens), (std::vector<std::int32_t>{4, 5, 6, 7, 8, 9, 4 * 16 + 13}));
  const int r = 'r' - '!', e = 'e' - '!', d = 'd' - '!', b = 'b' - '!';
  EXPECT_EQ(ints(letters.characters), (std::vector<std::int32_t>{r, r, e, d, r, r, b}));
  EXPECT_EQ(ints(letters.places), (std::vector<std::int32_t>{0, 0, 1, 2, 0, 0, 0}));
  const auto weights = letters.weights.floats();
  EXPECT_NEAR(std::accumulate(weights.begin(), weights.end() - 1, 0.0), 1.0 / 8, 1e-6);
  EXPECT_NEAR(weights.back(), 1.0 / 8, 1e-6);
  EXPECT_TRUE(prepared(*trained, 100).letters.empty());  // letter_until
}

TEST_F(LetterTraining, ReachesTheFirstHalfOfTheBlocks) {
  const auto trained = objective();
  const auto ops = make_torch_ops(DType::f32);
  const auto weights = files_.weights(Component::transformer);
  ParameterStore store(*trained, weights.get(), *ops, 0, "cpu");
  const FlowBatch with_letters = prepared(*trained, 0);
  FlowBatch without = with_letters;
  without.letters = {};
  const auto gradients_of = [&](const FlowBatch& batch) {
    store.zero_gradients();
    std::map<std::string, double> figures;
    trained->loss(*ops, batch, figures).backward();
    return store.by_name(store.gradients().clone());
  };
  const auto with = gradients_of(with_letters), plain = gradients_of(without);
  const auto differs = [&](const std::string& name) {
    return !std::ranges::equal(with.at(name).floats(), plain.at(name).floats());
  };
  EXPECT_TRUE(differs("letter_layer.weight"));
  EXPECT_TRUE(differs("transformer_blocks.0.attn.to_q.weight"));
  EXPECT_TRUE(differs("transformer_blocks.1.ff.net.2.weight"));
  EXPECT_TRUE(differs("transformer_blocks.0.attn.add_k_proj.weight"));  // from the caption
  EXPECT_FALSE(differs("transformer_blocks.2.attn.to_q.weight"));
  EXPECT_FALSE(differs("proj_out.weight"));
}

TEST_F(LetterTraining, IsLearned) {
  const auto trained = objective();
  const auto ops = make_torch_ops(DType::f32);
  const auto weights = files_.weights(Component::transformer);
  ParameterStore store(*trained, weights.get(), *ops, 0, "cpu");
  const FlowBatch batch = prepared(*trained, 0);
  std::map<std::string, double> figures;
  AdamW optimizer({.learning_rate = 2e-3}, store.values());
  double first = 0;
  for (int step = 1; step <= 30; ++step) {
    store.zero_gradients();
    const at::Tensor loss = trained->loss(*ops, batch, figures);
    EXPECT_GT(loss.item<double>(), figures["flow_loss"]);
    loss.backward();
    if (step == 1) first = figures["letter_loss"];
    optimizer.step(store.values(), store.gradients(), 0, store.decayed_elements(), step, 2e-3);
  }
  EXPECT_NEAR(first, std::log(kCharacterClasses) + std::log(kPlaceClasses), 3);  // nearly a guess
  EXPECT_LT(figures["letter_loss"], 0.5 * first);
  EXPECT_GT(figures["letter_accuracy"], 0.5);
}

TEST_F(LetterTraining, LeavesNoLayerInTheModel) {
  const auto trained = objective();
  const auto ops = make_torch_ops(DType::f32);
  const auto weights = files_.weights(Component::transformer);
  const ParameterStore store(*trained, weights.get(), *ops, 0, "cpu");
  auto all = store.by_name(store.values());
  EXPECT_TRUE(all.contains("letter_layer.weight"));
  trained->write(folder_ / "run", all);
  const auto written =
      ModelFiles::open((folder_ / "run/model").string()).weights(Component::transformer)->names();
  EXPECT_EQ(std::ranges::count_if(written, [](const auto& name) { return name.starts_with("letter"); }), 0);
  EXPECT_EQ(written.size(), all.size() - 2 + 1);  // the positional table
}

TEST_F(LetterTraining, IsMeasuredOnHeldOutPictures) {
  const auto trained = objective();
  const auto ops = make_torch_ops(DType::f32);
  const auto weights = files_.weights(Component::transformer);
  const ParameterStore store(*trained, weights.get(), *ops, 0, "cpu");
  const auto figures = trained->validation_figures(*ops);
  // "red" is in the caption of the first; no word is "b".
  EXPECT_EQ(figures.size(), 9u);
  for (const char* level : {"0.6", "0.75", "0.9"}) {
    EXPECT_GT(figures.at(std::string("letter_loss_") + level), 0);
    EXPECT_NE(figures.at(std::string("letter_gain_") + level), 0);
    EXPECT_NE(figures.at(std::string("changed_letter_gain_") + level), 0);
  }
  EXPECT_EQ(figures, trained->validation_figures(*ops));
  std::filesystem::remove(folder_ / "data/0.json");
  config_.transformer.letter_weight = 0;
  EXPECT_TRUE(objective()->validation_figures(*ops).empty());
}

TEST_F(LetterTraining, NeedsLetters) {
  for (const char* name : {"data/0.json", "data/4.json"}) std::filesystem::remove(folder_ / name);
  try {
    objective();
    FAIL();
  } catch (const ArgumentError& error) {
    EXPECT_EQ(std::string(error.what()), config_.data +
                                             ": 'letter_weight' needs letters, and no picture has any in its "
                                             ".json, as sd35 make-dataset writes them into archives");
  }
}

}  // namespace
}  // namespace sd35::train
