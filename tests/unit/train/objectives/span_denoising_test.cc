// Which tokens are hidden, and a text encoder that learns to predict them.
#include <cmath>
#include <numeric>
#include <set>

#include "core/error.h"
#include "tests/support/file_bytes.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_model.h"
#include "tests/unit/train/learning.h"
#include "train/objectives/span_denoising_objective.h"
#include "weights/load.h"

namespace sd35::train {
namespace {

std::vector<std::int32_t> sentinels() {
  std::vector<std::int32_t> ids(100);
  std::iota(ids.rbegin(), ids.rend(), 1000);
  return ids;
}

TEST(MaskedTexts, HideSpansOfAboutThreeTokens) {
  constexpr std::size_t count = 40, padding = 9;
  std::vector<std::int32_t> ids(count + padding, 0);
  std::iota(ids.begin(), ids.begin() + count, 100);
  std::set<std::int32_t> ever_hidden;
  for (std::uint32_t sample = 0; sample < 300; ++sample) {
    SampleRandom random(7, 0, sample);
    MaskedTexts texts;
    texts.ids = {5, 5};  // of a text before it
    append_masked(texts, ids, count, 0.15, sentinels(), random);
    ASSERT_EQ(texts.places.size(), 6u);  // 0.15 * 40
    EXPECT_TRUE(std::ranges::is_sorted(texts.places));
    std::set<std::int32_t> used;
    for (std::size_t i = 0; i < texts.places.size(); ++i) {
      const auto place = static_cast<std::size_t>(texts.places[i]);
      const std::int32_t id = std::exchange(texts.ids[place], texts.hidden[i]);
      // Each span has a sentinel of its own, in order; neighbours are one span.
      const bool continues = i > 0 && texts.places[i] == texts.places[i - 1] + 1;
      if (!continues) {
        EXPECT_TRUE(used.insert(id).second);
      }
      EXPECT_EQ(id, sentinels()[used.size() - 1]);
      ever_hidden.insert(texts.hidden[i]);
    }
    EXPECT_EQ(used.size(), 2u);
    EXPECT_TRUE(std::equal(ids.begin(), ids.end(), texts.ids.begin() + 2));
  }
  EXPECT_EQ(ever_hidden.size(), count);  // every place has its turn, the first and the last too
}

TEST(MaskedTexts, ShortTextsHideWhatTheyCan) {
  for (std::size_t count = 0; count < 12; ++count)
    for (const double ratio : {0.0, 0.15, 0.5, 1.0}) {
      std::vector<std::int32_t> ids(12, 0);
      std::iota(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(count), 100);
      SampleRandom random(7, 0, static_cast<std::uint32_t>(count));
      MaskedTexts texts;
      append_masked(texts, ids, count, ratio, sentinels(), random);
      const auto wanted = static_cast<std::size_t>(std::llround(ratio * static_cast<double>(count)));
      EXPECT_EQ(texts.places.size(), count == 0 ? 0 : std::max<std::size_t>(1, wanted));
      for (const std::int32_t place : texts.places) EXPECT_LT(static_cast<std::size_t>(place), count);
    }
}

TEST(MaskedTexts, KnowThePlacesOfTokensInTheirWords) {
  const std::vector<std::string> pieces{" a", " ", "\"", "F", "o", "x", "\"", ".", " x", "y", " z"};
  MaskedTexts texts;
  texts.ids = {5, 5};  // of a text before it
  append_word_places(texts, std::vector<std::int32_t>{10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20}, pieces);
  EXPECT_EQ(texts.word_tokens, (std::vector<std::int32_t>{2, 5, 6, 7, 10, 11, 12}));
  EXPECT_EQ(texts.word_ids, (std::vector<std::int32_t>{10, 13, 14, 15, 18, 19, 20}));
  EXPECT_EQ(texts.before, (std::vector<std::int32_t>{0, 0, 1, 2, 0, 1, 0}));
  EXPECT_EQ(texts.behind, (std::vector<std::int32_t>{0, 2, 1, 0, 1, 0, 0}));

  MaskedTexts longest;
  append_word_places(longest, std::vector<std::int32_t>(40, 7), std::vector<std::string>(40, "m"));
  EXPECT_EQ(longest.before.back(), kWordPlaces - 1);
  EXPECT_EQ(longest.behind.front(), kWordPlaces - 1);
}

TEST(MaskedTexts, KnowTheEdgesOfLettersInTheirWords) {
  const TemporaryFolder folder;
  put_file(folder / "widths.json", R"({"i": 1, "m": 3, "é": 2})");
  const LetterWidths widths = LetterWidths::read(folder / "widths.json");
  EXPECT_EQ(widths.of(U'?'), 2);  // the mean of the others
  const std::vector<std::int32_t> ids{1, 2, 3, 4, 5};
  const std::vector<std::string> pieces{" m", "i", "éi", " ", " immi"};
  MaskedTexts texts;
  append_word_places(texts, ids, pieces, widths);
  const auto sevenths = [](std::vector<float> values) {
    for (float& value : values) value *= 7;
    return values;
  };
  EXPECT_EQ(sevenths(texts.left), (std::vector<float>{0, 3, 4, 0}));
  EXPECT_EQ(sevenths(texts.right), (std::vector<float>{3, 4, 7, 7}));
  EXPECT_EQ(texts.letters, (std::vector<float>{4, 4, 4, 4}));

  MaskedTexts even;
  append_word_places(even, ids, pieces);
  EXPECT_EQ(even.left, (std::vector<float>{0, 0.25, 0.5, 0}));
  EXPECT_EQ(even.right, (std::vector<float>{0.25, 0.5, 1, 1}));
}

TEST(MaskedTexts, KnowTheWordsOfTheSign) {
  const std::vector<std::string> pieces{" red", " s", "ign", " \"", "r", "ed", " h", "at", "\"", " red"};
  const std::vector<std::int32_t> ids(pieces.size(), 1);
  const auto told = [&](const std::vector<std::string>& sign) {
    MaskedTexts texts;
    append_word_places(texts, ids, pieces, {}, sign);
    return texts.sign_words;
  };
  using Places = std::vector<std::int32_t>;
  EXPECT_EQ(told({"red", "hat"}), (Places{0, 0, 0, 1, 1, 2, 2, 0}));
  EXPECT_EQ(told({"red"}), (Places{0, 0, 0, 0, 0, 0, 0, 1}));  // the last that reads so
  EXPECT_EQ(told({"Red"}), Places(8, 0));
  EXPECT_EQ(told({}), Places(8, 0));
}

TEST(LetterWidthsTest, FilesOfOtherThingsAreRefused) {
  const TemporaryFolder folder;
  const auto error = [&](const std::string& text) -> std::string {
    put_file(folder / "widths.json", text);
    try {
      LetterWidths::read(folder / "widths.json");
    } catch (const FileError& refused) {
      return refused.what();
    }
    return "";
  };
  EXPECT_EQ(error(R"({"a": 0.5, "W": 1})"), "");
  EXPECT_NE(error(R"({"ab": 0.5})").find("'ab' is not one character"), std::string::npos);
  EXPECT_NE(error(R"({"a": 0})").find("'a' must be wider than 0"), std::string::npos);
  EXPECT_NE(error(R"({"a": "wide"})").find("'a'"), std::string::npos);
  EXPECT_NE(error(R"({"a": -1})").find("'a'"), std::string::npos);
  EXPECT_NE(error("{}").find("has no widths"), std::string::npos);
}

class SpanDenoisingTest : public testing::Test {
 protected:
  static constexpr std::int64_t kTexts = 9;
  SpanDenoisingTest() {
    std::ofstream file(folder_ / "captions.txt");
    for (const char* colour : {"red", "blue", "green"})
      for (const char* thing : {"cube", "ball", "cone"})
        file << "a " << colour << ' ' << thing << " on a " << colour << ' ' << thing << "\r\n";
    file << '\n';  // no text
    file.close();
    config_.task = Task::t5;
    config_.t5.captions = (folder_ / "captions.txt").string();
    config_.t5.mask_ratio = 0.3;
    config_.stages = {Stage{}};
    config_.stages[0].max_sequence_length = 32;
  }
  SpanDenoisingObjective make() { return {config_, ModelFiles::open(tiny_model().string()), {}}; }

  TemporaryFolder folder_, run_;
  TrainConfig config_;
};

TEST_F(SpanDenoisingTest, LearnsToTellWhatIsHidden) {
  SpanDenoisingObjective objective = make();
  EXPECT_NE(objective.name_of(0).find("a red cube on a red cube"), std::string::npos);
  const Learned learned = learn(objective, first_samples(kTexts, 0), 60, 5e-3);
  EXPECT_LT(mean_of_last(learned.losses, 5), 0.3 * learned.losses.front());

  objective.write(run_.path(), learned.weights);
  const ModelFiles files = ModelFiles::open((run_ / "model").string());
  T5Encoder model(T5Config::from_json(files.config(Component::text_encoder_3), "config"));
  check_all_bound(*files.weights(Component::text_encoder_3),
                  [&](const Parameters& p) { model.parameters(p); });
}

TEST_F(SpanDenoisingTest, LearnsThePlacesOfTokens) {
  // One token per text is hidden, and the places weigh ten times as much.
  config_.t5.mask_ratio = 0.01;
  config_.t5.place_weight = 10;
  SpanDenoisingObjective objective = make();
  const Learned learned = learn(objective, first_samples(kTexts, 0), 60, 5e-3);
  EXPECT_LT(mean_of_last(learned.losses, 5), 0.3 * learned.losses.front());
}

TEST_F(SpanDenoisingTest, PlacesAreAskedForWithTheTokensThemselves) {
  config_.t5.place_weight = 1;
  SpanDenoisingObjective objective = make();
  const auto ops = make_torch_ops(DType::f32);
  const ParameterStore store(objective, nullptr, *ops, 1, "cpu");
  std::map<std::string, double> figures;
  PreparedBatch batch = prepare_batch(objective, first_samples(kTexts, 0), StepRandom(1, 0));
  const double right = objective.loss(*ops, batch, figures).item<double>();
  std::ranges::fill(std::any_cast<MaskedTexts&>(batch).word_ids, 0);
  EXPECT_NE(objective.loss(*ops, batch, figures).item<double>(), right);
}

TEST_F(SpanDenoisingTest, LearnsTheEdgesOfLetters) {
  put_file(folder_ / "widths.json", R"({"b": 2, "a": 1, "l": 0.4, "r": 0.6})");
  config_.t5.letter_widths = (folder_ / "widths.json").string();
  config_.t5.mask_ratio = 0.01;
  config_.t5.place_weight = 10;
  SpanDenoisingObjective objective = make();
  const double before = learn(objective, first_samples(kTexts, 0), 1, 0).figures.at("edge_error");
  const Learned learned = learn(objective, first_samples(kTexts, 0), 60, 5e-3);
  EXPECT_LT(learned.figures.at("edge_error"), 0.5 * before);

  // Other widths are other answers.
  const auto ops = make_torch_ops(DType::f32);
  const ParameterStore store(objective, nullptr, *ops, 1, "cpu");
  const auto loss = [&](SpanDenoisingObjective& of) {
    std::map<std::string, double> figures;
    return of.loss(*ops, prepare_batch(of, first_samples(kTexts, 0), StepRandom(1, 0)), figures)
        .item<double>();
  };
  config_.t5.letter_widths.clear();
  SpanDenoisingObjective even = make();
  const ParameterStore same(even, nullptr, *ops, 1, "cpu");
  EXPECT_NE(loss(objective), loss(even));
}

TEST_F(SpanDenoisingTest, EdgesOfWordsWithHiddenLettersAreNoFigure) {
  config_.t5.place_weight = 1;
  SpanDenoisingObjective objective = make();
  const auto ops = make_torch_ops(DType::f32);
  const ParameterStore store(objective, nullptr, *ops, 1, "cpu");
  PreparedBatch batch = prepare_batch(objective, first_samples(kTexts, 0), StepRandom(1, 0));
  auto& texts = std::any_cast<MaskedTexts&>(batch);
  std::map<std::string, double> figures;
  objective.loss(*ops, batch, figures);
  EXPECT_GT(figures.at("edge_error"), 0);
  texts.places = texts.word_tokens;
  texts.hidden = texts.word_ids;
  figures.clear();
  objective.loss(*ops, batch, figures);
  EXPECT_FALSE(figures.contains("edge_error"));
}

TEST_F(SpanDenoisingTest, TheSameSeedGivesTheSameRun) {
  SpanDenoisingObjective first = make(), second = make();
  const MicroBatch batch = first_samples(kTexts, 0);
  EXPECT_EQ(learn(first, batch, 3, 1e-3).losses, learn(second, batch, 3, 1e-3).losses);
}

TEST_F(SpanDenoisingTest, ABatchWithoutTokensHasNoLoss) {
  std::ofstream(folder_ / "captions.txt") << "   \n";
  SpanDenoisingObjective objective = make();
  const auto ops = make_torch_ops(DType::f32);
  ParameterStore store(objective, nullptr, *ops, 1, "cpu");
  std::map<std::string, double> figures;
  at::Tensor loss =
      objective.loss(*ops, prepare_batch(objective, first_samples(1, 0), StepRandom(1, 0)), figures);
  loss.backward();
  EXPECT_EQ(loss.item<double>(), 0);
  EXPECT_EQ(store.gradients().abs().max().item<double>(), 0);
}

TEST_F(SpanDenoisingTest, NoTextIsAnError) {
  std::ofstream(folder_ / "captions.txt") << "\n\n";
  EXPECT_THROW(make(), FileError);
  config_.t5.captions = (folder_ / "nowhere.txt").string();
  EXPECT_THROW(make(), FileError);
}

}  // namespace
}  // namespace sd35::train
