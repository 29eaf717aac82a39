// Rounded weights: the numbers of the type, the matrices that they apply to, and runs that train with them.
#include "train/optimizers/weight_rounding.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "core/dtype.h"
#include "core/file_reader.h"
#include "tests/support/file_bytes.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_model.h"
#include "tests/unit/train/learning.h"
#include "train/model_folder.h"
#include "train/objectives/transformer_objective.h"
#include "train/trainer.h"

namespace sd35::train {
namespace {

float stored(float value) { return f8_e4m3_to_float(float_to_f8_e4m3(std::clamp(value, -448.0f, 448.0f))); }

TEST(WeightRoundingTest, GivesTheNumbersOfTheType) {
  std::vector<float> values{0.0f, -0.0f, 448, 449, 464, 1e9f, -1e9f, 0x1p-9f, 0x1p-10f, 0x1.8p-10f, 1e-30f};
  for (int bits = 0; bits < 127; ++bits) {  // every number, the middles between two, and what is beside these
    const float a = f8_e4m3_to_float(static_cast<std::uint8_t>(bits));
    const float b = bits < 126 ? f8_e4m3_to_float(static_cast<std::uint8_t>(bits + 1)) : 480;
    for (const float x :
         {a, (a + b) / 2, std::nextafter((a + b) / 2, 0.0f), std::nextafter((a + b) / 2, b)}) {
      values.push_back(x);
      values.push_back(-x);
    }
  }
  SampleRandom random(1, 2, 3);
  for (int i = 0; i < 10000; ++i) values.push_back(random.normal() * 0.1f);
  std::vector<float> rounded = values;
  round_to_f8_e4m3(rounded);
  const at::Tensor elsewhere = rounded_to_f8_e4m3(
      at::from_blob(values.data(), {static_cast<std::int64_t>(values.size())}, at::kFloat));
  for (std::size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ(rounded[i], stored(values[i])) << values[i];
    EXPECT_EQ(elsewhere.data_ptr<float>()[i], stored(values[i])) << values[i];
  }
}

class RoundedRunTest : public testing::Test {
 protected:
  RoundedRunTest() {
    write_colours(data_.path(), 16);
    config_.model = tiny_model().string();
    config_.data = data_.path().string();
    config_.validation_data = config_.data;
    config_.flow.cache = data_.path().parent_path() / (data_.path().filename().string() + "-cache");
    config_.dtype = "f32";
    config_.validate_every = config_.log_every = 1;
    config_.optimizer.learning_rate = 1e-3;
    config_.stages = {{.steps = 1, .batch_size = 2, .resolutions = {16}, .max_sequence_length = 16}};
  }
  ~RoundedRunTest() override { std::filesystem::remove_all(config_.flow.cache); }

  std::string metrics_of(const std::filesystem::path& run) {
    RunOptions options;
    options.folder = run;
    options.threads = 1;
    run_training(config_, options);
    return read_whole_file(run / "metrics.jsonl", 1 << 20);
  }
  // The weights of blocks' matrices in a model that are not fp8 numbers.
  static std::set<std::string> exact(const std::filesystem::path& model) {
    std::set<std::string> names;
    const auto weights = ModelFiles::open(model.string()).weights(Component::transformer);
    for (const std::string& name : weights->names()) {
      const Tensor values = weights->find(name)->read().to(DType::f32);
      if (!std::ranges::all_of(values.floats(), [](float value) { return value == stored(value); }))
        names.insert(name);
    }
    return names;
  }

  TemporaryFolder data_, runs_;
  TrainConfig config_;
};

TEST_F(RoundedRunTest, MatricesOfBlocksAreRounded) {
  const ModelFiles files = ModelFiles::open(tiny_model().string());
  TransformerObjective objective(config_, files, runs_ / "cache", {});
  const auto ops = make_torch_ops(DType::f32);
  const ParameterStore store(objective, files.weights(Component::transformer).get(), *ops, 1, "cpu");
  at::Tensor rounded = store.values().clone();
  round_matrices(store, rounded);
  objective.write(runs_ / "rounded", store.by_name(rounded));
  for (const std::string& name : exact(runs_ / "rounded/model")) {
    const bool matrix = name.starts_with("transformer_blocks.") && name.ends_with(".weight") &&
                        name.find("norm_") == std::string::npos;
    EXPECT_FALSE(matrix) << name;
  }
  // And nothing else.
  const auto before = store.by_name(store.values());
  std::size_t changed = 0;
  for (const auto& [name, value] : store.by_name(rounded)) {
    const bool same = std::ranges::equal(value.floats(), before.at(name).floats());
    EXPECT_TRUE(same || (name.starts_with("transformer_blocks.") && value.shape().rank() == 2)) << name;
    changed += same ? 0 : 1;
  }
  EXPECT_GT(changed, 40u);

  // A run that rounds begins with the losses of one whose model is rounded, and keeps exact weights.
  config_.stages[0].round_to_fp8 = true;
  config_.optimizer.learning_rate = 0;
  const std::string rounding = metrics_of(runs_ / "a");
  EXPECT_EQ(exact(runs_ / "a/model"), exact(tiny_model()));
  config_.stages[0].round_to_fp8 = false;
  const std::string plain = metrics_of(runs_ / "b");
  config_.model = (runs_ / "rounded/model").string();
  const std::string of_rounded = metrics_of(runs_ / "c");
  const auto losses = [](const std::string& metrics) {
    std::vector<std::string> found;
    for (const char* key : {"\"loss\":", "\"validation_loss\":", "\"gradient_norm\":"}) {
      const std::size_t begin = metrics.find(key);
      EXPECT_NE(begin, std::string::npos) << key << " in " << metrics;
      found.push_back(metrics.substr(begin, metrics.find_first_of(",}", begin) - begin));
    }
    return found;
  };
  EXPECT_EQ(losses(rounding), losses(of_rounded));
  EXPECT_NE(losses(rounding), losses(plain));
}

}  // namespace
}  // namespace sd35::train
