// The random model: what it holds, that its activations are in range, and that it appears complete or not at
// all.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "core/error.h"
#include "mmdit/transformer.h"
#include "ops/decor/forwarding_ops.h"
#include "pipeline/denoise.h"
#include "sd35/sd35.h"
#include "tests/support/compare.h"
#include "tests/support/file_bytes.h"
#include "tests/support/temporary_folder.h"
#include "text/prompt_encoder.h"
#include "vae/autoencoder.h"
#include "weights/files/safetensors.h"
#include "weights/load.h"
#include "weights/model/model_files.h"

namespace sd35 {
namespace {

namespace fs = std::filesystem;

double deviation(const Tensor& tensor) {
  const Tensor values = tensor.to(DType::f32);
  double sum = 0, squares = 0;
  for (const float v : values.floats()) {
    sum += v;
    squares += double{v} * v;
  }
  const auto n = static_cast<double>(values.numel());
  return std::sqrt(squares / n - (sum / n) * (sum / n));
}

// Measures what the models tap after every block and, for the autoencoder, which taps nothing, the results of
// its residual additions.
class MeasuringOps : public ForwardingOps {
 public:
  MeasuringOps(const Ops& inner, bool additions) : ForwardingOps(inner), additions_(additions) {}
  void tap(std::string_view name, const Tensor& x) const override { record(std::string(name), x); }
  Tensor add(Tensor x, const Tensor& y) const override {
    Tensor sum = ForwardingOps::add(std::move(x), y);
    if (additions_) record("addition", sum);
    return sum;
  }
  Tensor norm_conv2d(const Tensor& x, const GroupNorm& norm, const Conv2d& w, Tensor residual,
                     Out out) const override {
    const bool adds = residual.defined();
    Tensor y = ForwardingOps::norm_conv2d(x, norm, w, std::move(residual), out);
    if (additions_ && adds) record("residual block", y);
    return y;
  }

  void expect_sane(std::size_t least_count) const {
    EXPECT_GE(measured_.size(), least_count);
    for (const auto& [name, value] : measured_) {
      EXPECT_GT(value, 0.1) << name;
      EXPECT_LT(value, 20.0) << name;
    }
  }

 private:
  void record(const std::string& name, const Tensor& x) const { measured_.emplace_back(name, deviation(x)); }

  bool additions_;
  mutable std::vector<std::pair<std::string, double>> measured_;
};

class RandomModelTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder;
    make_random_model({}, *folder_ / "tiny");
  }
  static void TearDownTestSuite() {
    delete folder_;
    folder_ = nullptr;
  }
  static fs::path model() { return *folder_ / "tiny"; }

  static TemporaryFolder* folder_;
};

TemporaryFolder* RandomModelTest::folder_ = nullptr;

TEST_F(RandomModelTest, TextEncodersStaySane) {
  const auto engine = make_ref_ops();
  const ModelFiles files = ModelFiles::open(model().string());
  const PromptEncoder encoder(files, true);
  const MeasuringOps ops(*engine, false);
  const std::vector<PromptTexts> prompts{{"a red square", "a red square", "a red square"}, {"", "", ""}};
  const PromptEmbedding prompt = encoder.encode(ops, prompts, 320, 16);
  ops.expect_sane(7);
  EXPECT_EQ(prompt.tokens.shape(), (Shape{2, 77 + 16, 320}));
  EXPECT_EQ(prompt.pooled.shape(), (Shape{2, 320}));
  EXPECT_GT(deviation(prompt.tokens), 0.1);
  EXPECT_GT(deviation(prompt.pooled), 0.1);
}

TEST_F(RandomModelTest, TheDenoiserStaysSane) {
  const auto engine = make_ref_ops();
  const MeasuringOps ops(*engine, false);
  const ModelFiles files = ModelFiles::open(model().string());
  Transformer transformer(MmditConfig::from_json(files.config(Component::transformer), "test"));
  const auto weights = files.weights(Component::transformer);
  Loader loader(*weights, ops, Reuse::many);
  transformer.parameters(Parameters(loader));

  TransformerInput input;
  input.latents = initial_noise(RandomSource::torch_cpu, DType::f32, 1, {2, 16, 16, 16});
  input.timesteps = {1000.0f, 100.0f};
  input.prompt_embedding = initial_noise(RandomSource::torch_cpu, DType::f32, 2, {2, 93, 320});
  input.pooled_projection = initial_noise(RandomSource::torch_cpu, DType::f32, 3, {2, 320});
  const Tensor velocity = transformer.forward(ops, input);
  ops.expect_sane(6);
  EXPECT_GT(deviation(velocity), 0.3);
  EXPECT_LT(deviation(velocity), 3);
}

// With and without a block cache, whose first block and others must agree on the count.
TEST_F(RandomModelTest, EqualTokensAtTheEndCountAsOne) {
  const ModelFiles files = ModelFiles::open(model().string());
  const auto weights = files.weights(Component::transformer);
  TransformerInput all;
  all.latents = initial_noise(RandomSource::torch_cpu, DType::f32, 1, {2, 16, 8, 12});
  all.timesteps = {1000.0f, 300.0f};
  all.prompt_embedding = initial_noise(RandomSource::torch_cpu, DType::f32, 2, {2, 93, 320});
  all.pooled_projection = initial_noise(RandomSource::torch_cpu, DType::f32, 3, {2, 320});
  constexpr std::int64_t kept = 78, count = 93 - kept + 1;
  for (std::int64_t b = 0; b < 2; ++b) {
    float* tokens = all.prompt_embedding.data<float>() + b * 93 * 320;
    for (std::int64_t t = kept; t < 93; ++t) std::copy_n(tokens + (kept - 1) * 320, 320, tokens + t * 320);
  }
  for (const bool native : {false, true}) {
    const auto ops = native ? make_native_ops(DType::f32) : make_ref_ops();
    Transformer transformer(MmditConfig::from_json(files.config(Component::transformer), "test"));
    Loader loader(*weights, *ops, Reuse::many);
    transformer.parameters(Parameters(loader));
    const Tensor velocity = transformer.forward(*ops, all);
    TransformerInput merged = all;
    merged.prompt_embedding = ops->slice(all.prompt_embedding, 1, 0, kept);
    EXPECT_GT(relative_error(transformer.forward(*ops, merged), velocity), 1e-3);
    merged.last_token_count = count;
    EXPECT_LT(relative_error(transformer.forward(*ops, merged), velocity), 1e-5);
    std::vector<BlockCache> cache(2);
    merged.cache = cache;
    EXPECT_LT(relative_error(transformer.forward(*ops, merged), velocity), 1e-5);
  }
}

// Nearly equal tokens are computed one by one, equal ones are not; the shortest tail of the prompts counts.
TEST_F(RandomModelTest, EqualAndNearlyEqualTokensDrawTheSame) {
  const ModelFiles files = ModelFiles::open(model().string());
  const auto weights = files.weights(Component::transformer);
  const auto ops = make_native_ops(DType::f32);
  Transformer transformer(MmditConfig::from_json(files.config(Component::transformer), "test"));
  Loader loader(*weights, *ops, Reuse::many);
  transformer.parameters(Parameters(loader));
  const auto drawn = [&](float difference) {
    PromptEmbedding prompt{initial_noise(RandomSource::torch_cpu, DType::f32, 2, {2, 93, 320}),
                           initial_noise(RandomSource::torch_cpu, DType::f32, 3, {2, 320})};
    for (std::int64_t b = 0; b < 2; ++b)
      for (std::int64_t t = 77 - 3 * b; t < 93; ++t) {
        float* token = prompt.tokens.data<float>() + (b * 93 + t) * 320;
        std::fill_n(token, 320, 0.5f);
        token[0] += difference * static_cast<float>(t);
      }
    const Callbacks silent;
    DenoiseJob job;
    job.latents = initial_noise(RandomSource::torch_cpu, DType::f32, 1, {1, 16, 8, 12});
    job.sigmas = {1.0f, 0.6f, 0.0f};
    job.prompt = prompt;
    job.contexts = {{0, {}}, {1, {}}};
    job.guidance = std::make_shared<ClassifierFreeGuidance>(GuidanceSettings{4.5, 2});
    return denoise(*ops, transformer, job, StageProgress(silent, Stage::denoise));
  };
  EXPECT_LT(relative_error(drawn(0), drawn(1e-7f)), 1e-5);
}

TEST_F(RandomModelTest, TheAutoencoderStaysSane) {
  const auto engine = make_ref_ops();
  const MeasuringOps ops(*engine, true);
  const ModelFiles files = ModelFiles::open(model().string());
  const VaeConfig config = VaeConfig::from_json(files.config(Component::vae), "test");
  VaeDecoder decoder(config);
  VaeEncoder encoder(config);
  const auto weights = files.weights(Component::vae);
  Loader loader(*weights, ops, Reuse::many);
  decoder.parameters(Parameters(loader, "decoder."));
  encoder.parameters(Parameters(loader, "encoder."));
  const Tensor picture =
      decoder.forward(ops, initial_noise(RandomSource::torch_cpu, DType::f32, 4, {1, 16, 8, 8}));
  EXPECT_GT(deviation(picture), 0.25);
  EXPECT_LT(deviation(picture), 0.75);
  const Tensor moments = encoder.forward(ops, picture);
  EXPECT_GT(deviation(moments), 0.1);
  EXPECT_LT(deviation(moments), 3);
  ops.expect_sane(20);
}

TEST_F(RandomModelTest, IsTheSameForASeed) {
  const TemporaryFolder folder;
  make_random_model({}, folder / "again");
  RandomModelOptions options;
  options.seed = 1;
  make_random_model(options, folder / "other");
  const std::string name = "transformer/diffusion_pytorch_model.safetensors";
  EXPECT_EQ(file_bytes(folder / "again" / name), file_bytes(model() / name));
  EXPECT_NE(file_bytes(folder / "other" / name), file_bytes(model() / name));
}

TEST_F(RandomModelTest, TypesHoldTheSameValuesRounded) {
  const TemporaryFolder folder;
  RandomModelOptions options;
  options.dtype = "f32";
  make_random_model(options, folder / "f32");
  const std::string file = "vae/diffusion_pytorch_model.safetensors", name = "decoder.conv_in.weight";
  const Tensor wide = read_safetensors(folder / "f32" / file).tensors.at(name).read();
  const Tensor narrow = read_safetensors(model() / file).tensors.at(name).read();
  ASSERT_EQ(wide.dtype(), DType::f32);
  ASSERT_EQ(narrow.dtype(), DType::bf16);
  const Tensor widened = narrow.to(DType::f32);
  for (std::int64_t i = 0; i < wide.numel(); ++i)
    ASSERT_EQ(to_bf16(wide.data<float>()[i]).bits, to_bf16(widened.data<float>()[i]).bits) << i;
}

TEST_F(RandomModelTest, TakesConfigurationsAndTokenizersOfAnother) {
  const TemporaryFolder folder;
  RandomModelOptions options;
  options.like = model();
  make_random_model(options, folder / "copy");
  for (const std::string name :
       {"transformer/diffusion_pytorch_model.safetensors", "text_encoder_3/model.safetensors",
        "tokenizer/vocab.json", "tokenizer_3/spiece.model"})
    EXPECT_EQ(file_bytes(folder / "copy" / name), file_bytes(model() / name)) << name;
}

TEST_F(RandomModelTest, RefusesAndLeavesNothingBehind) {
  const TemporaryFolder folder;
  const auto refused = [&](const std::function<void(RandomModelOptions&)>& change) {
    RandomModelOptions options;
    change(options);
    EXPECT_THROW(make_random_model(options, folder / "m"), Error);
    EXPECT_EQ(folder.entries(), 0);
  };
  refused([](RandomModelOptions& o) { o.size = "huge"; });
  refused([](RandomModelOptions& o) { o.size = "medium"; });
  refused([](RandomModelOptions& o) { o.layout = "tar"; });
  refused([](RandomModelOptions& o) { o.dtype = "i8"; });
  refused([](RandomModelOptions& o) { o.like = "/nowhere"; });

  Callbacks stop;
  stop.on_progress = [](const Progress& progress) { return progress.fraction < 0.5; };
  EXPECT_THROW(make_random_model({}, folder / "m", stop), Cancelled);
  EXPECT_EQ(folder.entries(), 0);
  RandomModelOptions single;
  single.layout = "single";
  EXPECT_THROW(make_random_model(single, folder / "m.safetensors", stop), Cancelled);
  EXPECT_EQ(folder.entries(), 0);

  put_file(folder / "precious", "text");
  EXPECT_THROW(make_random_model({}, folder.path()), ArgumentError);
  EXPECT_EQ(file_bytes(folder / "precious"), "text");
  EXPECT_EQ(folder.entries(), 1);
}

}  // namespace
}  // namespace sd35
