// The autoencoder's loss on numbers that can be checked by hand, and training that reconstructs pictures.
#include <filesystem>

#include "core/error.h"
#include "tests/support/file_bytes.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_model.h"
#include "tests/unit/train/learning.h"
#include "train/model_folder.h"
#include "train/objectives/autoencoder_objective.h"
#include "train/samples/frozen_parts.h"
#include "weights/load.h"

namespace sd35::train {
namespace {

TEST(GradientDifference, CountsSlopesAtThreeSizes) {
  // One vertical edge of height 1 between columns 3 and 4 of 8: at every size one of the slopes of a row
  // is 1.
  at::Tensor edge = at::zeros({1, 1, 8, 8});
  edge.narrow(3, 4, 4).fill_(1);
  const double expected = (1.0 / 7 + 1.0 / 3 + 1.0 / 1) / 6;
  EXPECT_NEAR(gradient_difference(edge, at::zeros_like(edge)).item<double>(), expected, 1e-6);
  EXPECT_NEAR(gradient_difference(edge.transpose(2, 3), at::zeros_like(edge)).item<double>(), expected, 1e-6);
  EXPECT_EQ(gradient_difference(edge, edge + 0.5).item<double>(), 0);  // a shade is not a slope
}

class AutoencoderTest : public testing::Test {
 protected:
  static constexpr int kSide = 16;
  AutoencoderTest() {
    write_colours(data_.path(), kSide);
    config_.task = Task::autoencoder;
    config_.from_scratch = true;
    config_.data = data_.path().string();
    config_.validation_data = config_.data;
    config_.autoencoder.perceptual_weight = 0.1;
    config_.stages = {{.steps = 1, .resolutions = {kSide}}};
  }
  AutoencoderObjective make() { return {config_, ModelFiles::open(tiny_model().string()), {}}; }

  TemporaryFolder data_, run_;
  TrainConfig config_;
};

TEST_F(AutoencoderTest, LearnsToGivePicturesBack) {
  AutoencoderObjective objective = make();
  const Learned learned = learn(objective, first_samples(std::size(kColours), kSide), 60, 3e-3);
  EXPECT_LT(mean_of_last(learned.losses, 5), 0.65 * learned.losses.front());
  EXPECT_LT(learned.figures.at("reconstruction"), 0.6);
  EXPECT_GT(learned.figures.at("kl"), 0);

  const auto ops = make_torch_ops(DType::f32);
  EXPECT_LT(objective.validation_loss(*ops), 0.65 * learned.losses.front());
  const std::vector<Image> pictures = objective.samples(*ops, {});
  ASSERT_EQ(pictures.size(), 8u);
  double error = 0;
  for (std::size_t i = 0; i < pictures[0].rgb.size(); ++i)
    error += std::abs(pictures[0].rgb[i] - pictures[1].rgb[i]);
  EXPECT_LT(error / static_cast<double>(pictures[0].rgb.size()), 40);

  // The ordinary loader reads what is saved, and latents then have a deviation of about 1.
  objective.write(run_.path(), learned.weights);
  const ModelFiles files = ModelFiles::open((run_ / "model").string());
  check_all_bound(*files.weights(Component::vae), [&](const Parameters& p) { make().parameters(p); });
  const auto native = make_ops("native", DType::f32);
  const LatentEncoder encoder(files, *native);
  EXPECT_NE(encoder.config().scaling_factor, 1.5305f);
  EXPECT_TRUE(files.extras().contains("preview"));
  double sum = 0, squares = 0, count = 0;
  for (std::size_t sample = 0; sample < std::size(kColours); ++sample) {
    const Image image = read_image(data_ / (std::to_string(sample) + ".png"));
    const std::array images{&image};
    const Tensor all = encoder.moments(std::span<const Image* const>(images));  // [1, 2 C, h, w]
    const Tensor moments = all.reshape({all.dim(1), all.dim(2), all.dim(3)});
    std::vector<float> normal(static_cast<std::size_t>(moments.numel() / 2));
    SampleRandom(1, 2, static_cast<std::uint32_t>(sample)).normal(normal);
    const Tensor latents = draw_latents(encoder.config(), moments, normal);
    for (const float z : latents.floats()) {
      sum += z;
      squares += z * z;
      ++count;
    }
  }
  EXPECT_NEAR(sum / count, 0, 0.1);
  EXPECT_NEAR(squares / count, 1, 0.1);
}

TEST_F(AutoencoderTest, IsNoModelUntilItsLatentsAreMeasured) {
  AutoencoderObjective objective = make();
  const Learned learned = learn(objective, first_samples(std::size(kColours), kSide), 1, 1e-3);
  objective.write(run_.path(), learned.weights);
  const std::filesystem::path config = run_ / "model/vae/config.json";
  EXPECT_TRUE(std::filesystem::exists(config));
  for (std::size_t sample = 0; sample < std::size(kColours); ++sample)
    std::filesystem::remove(data_ / (std::to_string(sample) + ".png"));
  EXPECT_THROW(objective.write(run_.path(), learned.weights), FileError);
  EXPECT_FALSE(std::filesystem::exists(config));
}

TEST_F(AutoencoderTest, FilesThatAPersonMayEditAreCopiedWeightsAreLinked) {
  const std::filesystem::path base = run_ / "base";
  std::filesystem::copy(tiny_model(), base, std::filesystem::copy_options::recursive);
  put_file(base / "large.safetensors", "");
  std::filesystem::resize_file(base / "large.safetensors", 32 << 20);
  write_rest(run_ / "model", base, Component::vae, {});
  const auto links = [&](const char* name) {
    return std::filesystem::hard_link_count(run_ / "model" / name);
  };
  EXPECT_EQ(links("large.safetensors"), 2u);
  for (const char* name : {"model_index.json", "tokenizer/vocab.json", "scheduler/scheduler_config.json"}) {
    EXPECT_EQ(links(name), 1u) << name;
    EXPECT_EQ(file_bytes(run_ / "model" / name), file_bytes(base / name)) << name;
  }
}

TEST_F(AutoencoderTest, FineTuningKeepsTheScaleOfLatents) {
  config_.from_scratch = false;
  AutoencoderObjective objective = make();
  const Learned learned = learn(objective, first_samples(std::size(kColours), kSide), 1, 1e-3);
  objective.write(run_.path(), learned.weights);
  const auto before = ModelFiles::open(tiny_model().string()).config(Component::vae);
  const auto after = ModelFiles::open((run_ / "model").string()).config(Component::vae);
  EXPECT_EQ(after, before);
}

TEST_F(AutoencoderTest, FineTuningTheDecoderKeepsTheEncoder) {
  config_.from_scratch = false;
  config_.autoencoder.decoder_only = true;
  config_.autoencoder.reconstruction = "mse";
  config_.autoencoder.perceptual_weight = config_.autoencoder.kl_weight = 0;
  AutoencoderObjective objective = make();
  const ModelFiles before = ModelFiles::open(tiny_model().string());
  const auto old_weights = before.weights(Component::vae);
  const auto ops = make_torch_ops(DType::f32);
  ParameterStore store(objective, old_weights.get(), *ops, 1, "cpu");
  for (const StoredParameter& parameter : store.parameters())
    EXPECT_TRUE(parameter.spec.names.front().starts_with("decoder.")) << parameter.spec.names.front();

  const MicroBatch batch = first_samples(std::size(kColours), kSide);
  std::map<std::string, double> figures;
  const at::Tensor loss = objective.loss(*ops, prepare_batch(objective, batch, StepRandom(1, 0)), figures);
  EXPECT_NEAR(loss.item<double>(), figures.at("reconstruction"), 1e-6);
  // A different number than the mean amount, and never below its square.
  config_.autoencoder.reconstruction = "l1";
  objective.loss(*ops, prepare_batch(objective, batch, StepRandom(1, 0)), figures);
  const double amount = figures.at("reconstruction");
  config_.autoencoder.reconstruction = "mse";
  EXPECT_GT(loss.item<double>(), amount * amount);
  EXPECT_GT(std::abs(loss.item<double>() - amount), 0.01 * amount);
  loss.backward();
  at::Tensor(store.values()).sub_(store.gradients(), 0.1);
  EXPECT_LT(objective.loss(*ops, prepare_batch(objective, batch, StepRandom(1, 0)), figures).item<double>(),
            loss.item<double>());

  objective.write(run_.path(), store.by_name(store.values()));
  const auto new_weights = ModelFiles::open((run_ / "model").string()).weights(Component::vae);
  ASSERT_EQ(new_weights->names(), old_weights->names());
  for (const std::string& name : new_weights->names()) {
    const Tensor was = old_weights->find(name)->read().to(DType::f32);
    const Tensor is = new_weights->find(name)->read().to(DType::f32);
    const bool equal = std::ranges::equal(was.floats(), is.floats());
    // No picture depends on the biases of keys and of what a norm of single channels follows: rounding alone
    // changes them, or does not.
    if (name.starts_with("decoder.") && name.ends_with(".bias")) continue;
    EXPECT_EQ(equal, !name.starts_with("decoder.")) << name;
  }
}

TEST_F(AutoencoderTest, TheSameSeedGivesTheSameRun) {
  AutoencoderObjective first = make(), second = make(), other = make();
  const MicroBatch batch = first_samples(std::size(kColours), kSide);
  const std::vector<double> losses = learn(first, batch, 3, 1e-3, 5).losses;
  EXPECT_EQ(learn(second, batch, 3, 1e-3, 5).losses, losses);
  EXPECT_NE(learn(other, batch, 3, 1e-3, 6).losses, losses);
}

TEST_F(AutoencoderTest, NoiseOnLatentsMakesTheDecodersTaskHarder) {
  config_.from_scratch = false;
  const auto ops = make_torch_ops(DType::f32);
  const auto loss_with = [&](double noise) {
    config_.autoencoder.latent_noise = noise;
    AutoencoderObjective objective = make();
    const ParameterStore store(
        objective, ModelFiles::open(tiny_model().string()).weights(Component::vae).get(), *ops, 1, "cpu");
    std::map<std::string, double> figures;
    const PreparedBatch batch =
        prepare_batch(objective, first_samples(std::size(kColours), kSide), StepRandom(1, 0));
    return std::pair(objective.loss(*ops, batch, figures).item<double>(), objective.validation_loss(*ops));
  };
  const auto [without, validation] = loss_with(0);
  const auto [with, same_validation] = loss_with(1);
  EXPECT_NE(with, without);
  EXPECT_EQ(loss_with(1).first, with);
  EXPECT_EQ(same_validation, validation);
}

TEST_F(AutoencoderTest, LatentNoiseIsCountedInDeviationsOfTheScaledLatents) {
  config_.from_scratch = false;
  config_.autoencoder.latent_noise = 0.5;
  AutoencoderObjective objective = make();
  const PreparedBatch batch =
      prepare_batch(objective, first_samples(std::size(kColours), kSide), StepRandom(1, 0));
  const auto& [pictures, noise, disturbance, text_crops] = std::any_cast<const NoisyPictures&>(batch);
  ASSERT_EQ(disturbance.shape(), noise.shape());
  double squares = 0;
  for (const float value : disturbance.floats()) squares += value * value;
  const ModelFiles files = ModelFiles::open(tiny_model().string());
  const VaeConfig vae = VaeConfig::from_json(files.config(Component::vae), "config");
  const double deviation = std::sqrt(squares / static_cast<double>(disturbance.numel()));
  EXPECT_NEAR(deviation * vae.scaling_factor, 0.5, 0.05);
}

TEST_F(AutoencoderTest, CropsAreCutFromPicturesOfTheResolution) {
  config_.stages[0].resolutions = {64};
  config_.stages[0].crop = 32;
  AutoencoderObjective objective = make();
  const PreparedBatch batch =
      prepare_batch(objective, first_samples(std::size(kColours), 64), StepRandom(1, 0));
  const auto& made = std::any_cast<const NoisyPictures&>(batch);
  EXPECT_EQ(made.pictures.shape(), Shape({std::size(kColours), 3, 32, 32}));
  EXPECT_EQ(made.text_crops, 0.0);  // these pictures do not mention text
  std::map<std::string, double> figures;
  const auto ops = make_torch_ops(DType::f32);
  const ParameterStore store(objective, nullptr, *ops, 1, "cpu");
  EXPECT_TRUE(std::isfinite(objective.loss(*ops, batch, figures).item<double>()));
  EXPECT_EQ(figures.at("text_crops"), 0);

  config_.stages[0].crop = 80;
  EXPECT_THROW(make(), ArgumentError);
}

// The figures of a batch are those of its samples one by one: nothing depends on the place in a micro-batch.
TEST_F(AutoencoderTest, ABatchIsTheMeanOfItsSamples) {
  AutoencoderObjective objective = make();
  const auto ops = make_torch_ops(DType::f32);
  const ParameterStore store(objective, nullptr, *ops, 1, "cpu");
  MicroBatch batch = first_samples(std::size(kColours), kSide);
  std::map<std::string, double> figures;
  const double whole =
      objective.loss(*ops, prepare_batch(objective, batch, StepRandom(1, 0)), figures).item<double>();
  double sum = 0;
  const std::vector<std::int64_t> samples = batch.samples;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    batch.first = static_cast<std::int64_t>(i);
    batch.samples = {samples[i]};
    sum += objective.loss(*ops, prepare_batch(objective, batch, StepRandom(1, 0)), figures).item<double>();
  }
  EXPECT_NEAR(sum / static_cast<double>(samples.size()), whole, 1e-5 * whole);
}

}  // namespace
}  // namespace sd35::train
