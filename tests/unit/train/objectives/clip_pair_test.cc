// The contrastive loss on features that can be checked by hand, and a text encoder that learns from pictures.
#include <cmath>

#include "core/error.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_model.h"
#include "tests/unit/train/learning.h"
#include "train/objectives/clip_pair_objective.h"
#include "weights/load.h"

namespace sd35::train {
namespace {

TEST(ContrastiveLoss, IsTheCrossEntropyOfBothDirections) {
  const at::Tensor text = at::eye(2), image = 5 * at::eye(2);  // lengths do not matter
  const at::Tensor scale = at::full({1}, std::log(3.0));
  const ContrastiveLoss right = contrastive_loss(text, image, scale, {0, 1});
  EXPECT_NEAR(right.total.item<double>(), std::log(1 + std::exp(-3.0)), 1e-6);
  EXPECT_EQ(right.accuracy, 1);
  const ContrastiveLoss wrong = contrastive_loss(text, image.flip(0), scale, {0, 1});
  EXPECT_NEAR(wrong.total.item<double>(), std::log(1 + std::exp(3.0)), 1e-6);
  EXPECT_EQ(wrong.accuracy, 0);
}

TEST(ContrastiveLoss, EqualTextsFitEachOthersPictures) {
  const at::Tensor same = at::ones({2, 4});
  const ContrastiveLoss loss = contrastive_loss(same, at::eye(4).narrow(0, 0, 2), at::zeros({1}), {0, 0});
  EXPECT_NEAR(loss.total.item<double>(), std::log(2.0), 1e-6);
  EXPECT_EQ(loss.accuracy, 1);
}

TEST(ContrastiveLoss, TheTemperatureIsBounded) {
  const at::Tensor features = at::eye(2);
  const auto at_scale = [&](double scale) {
    return contrastive_loss(features, features.flip(0), at::full({1}, std::log(scale)), {0, 1})
        .total.item<double>();
  };
  EXPECT_NEAR(at_scale(50), 50, 1e-3);
  EXPECT_NEAR(at_scale(1000), 100, 1e-3);
}

class ClipPairTest : public testing::TestWithParam<const char*> {
 protected:
  static constexpr int kSide = 64;
  ClipPairTest() {
    write_colours(data_.path(), kSide);
    config_.task = Task::clip;
    config_.clip.component = GetParam();
    config_.data = data_.path().string();
    config_.validation_data = config_.data;
    config_.stages = {{.steps = 1, .resolutions = {kSide}}};
  }
  ClipPairObjective make() { return {config_, ModelFiles::open(tiny_model().string()), {}}; }

  TemporaryFolder data_, run_;
  TrainConfig config_;
};

TEST_P(ClipPairTest, LearnsWhichCaptionIsWhose) {
  ClipPairObjective objective = make();
  const Learned learned = learn(objective, first_samples(std::size(kColours), kSide), 25, 2e-3);
  EXPECT_NEAR(learned.losses.front(), std::log(8.0), 1.5);
  EXPECT_LT(mean_of_last(learned.losses, 3), 0.2);
  EXPECT_EQ(learned.figures.at("accuracy"), 1);
  EXPECT_LT(objective.validation_loss(*make_torch_ops(DType::f32)), 0.5);

  // What is saved is the text encoder, as the ordinary loader reads it.
  objective.write(run_.path(), learned.weights);
  const ModelFiles files = ModelFiles::open((run_ / "model").string());
  const Component component =
      std::string_view(GetParam()) == "text_encoder" ? Component::text_encoder : Component::text_encoder_2;
  const auto source = files.weights(component);
  ClipTextModel model(ClipConfig::from_json(files.config(component), "config"));
  check_all_bound(*source, [&](const Parameters& p) { model.parameters(p); });
}

TEST_P(ClipPairTest, TheSameSeedGivesTheSameRun) {
  ClipPairObjective first = make(), second = make();
  const MicroBatch batch = first_samples(std::size(kColours), kSide);
  EXPECT_EQ(learn(first, batch, 3, 1e-3).losses, learn(second, batch, 3, 1e-3).losses);
}

INSTANTIATE_TEST_SUITE_P(BothEncoders, ClipPairTest, testing::Values("text_encoder", "text_encoder_2"));

}  // namespace
}  // namespace sd35::train
