// From prompt to picture with the tiny random model: what a caller of the library may rely on.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "core/error.h"
#include "sd35/sd35.h"
#include "tests/support/file_bytes.h"
#include "tests/support/poison.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/pipeline/bf16_model.h"

namespace sd35 {
namespace {

namespace fs = std::filesystem;

LoadOptions f32() {
  LoadOptions options;
  options.dtype = "f32";
  return options;
}

Pipeline open() { return Pipeline::from_pretrained(bf16_model().string(), f32()); }

GenerateOptions small() {
  GenerateOptions options;
  options.prompt = "a red square";
  options.negative_prompt = "blurry";
  options.width = 64;
  options.height = 48;
  options.num_inference_steps = 3;
  options.max_sequence_length = 16;
  return options;
}

Picture draw(const GenerateOptions& options) { return open().generate(options).at(0); }

// Root of the mean squared difference, in steps of 255.
double difference(const Picture& a, const Picture& b) {
  EXPECT_EQ(a.rgb.size(), b.rgb.size());
  double sum = 0;
  for (std::size_t i = 0; i < a.rgb.size(); ++i)
    sum += std::pow(static_cast<double>(a.rgb[i]) - static_cast<double>(b.rgb[i]), 2);
  return std::sqrt(sum / static_cast<double>(a.rgb.size()));
}

TEST(GenerateTest, MoreStepsThanTheSchedulerHasAreRefusedBeforeAnythingIsDone) {
  const TemporaryFolder folder;
  fs::copy(bf16_model(), folder / "model", fs::copy_options::recursive);
  put_file(folder / "model" / "scheduler" / "scheduler_config.json",
           R"({"_class_name": "FlowMatchEulerDiscreteScheduler", "num_train_timesteps": 2})");
  Callbacks callbacks;
  callbacks.on_progress = [](const Progress&) -> bool { throw std::logic_error("it has begun"); };
  Pipeline pipeline = Pipeline::from_pretrained((folder / "model").string(), f32());
  EXPECT_THROW(pipeline.generate(small(), callbacks), ArgumentError);
}

TEST(GenerateTest, PicturesHaveTheAskedSizeAndUseTheRange) {
  const Picture picture = draw(small());
  EXPECT_EQ(picture.width, 64);
  EXPECT_EQ(picture.height, 48);
  ASSERT_EQ(picture.rgb.size(), 64u * 48 * 3);
  const auto [least, most] = std::ranges::minmax(picture.rgb);
  EXPECT_LT(least, 60);
  EXPECT_GT(most, 195);
}

TEST(GenerateTest, PictureIOfASeriesIsThatOfSeedPlusI) {
  GenerateOptions options = small();
  options.seed = 5;
  options.count = 2;
  Pipeline pipeline = open();
  const std::vector<Picture> series = pipeline.generate(options);
  ASSERT_EQ(series.size(), 2u);
  EXPECT_NE(series[0].rgb, series[1].rgb);
  options.seed = 6;
  options.count = 1;
  const Picture alone = pipeline.generate(options).at(0);
  EXPECT_EQ(alone.rgb, series[1].rgb);
  EXPECT_EQ(alone.metadata, series[1].metadata);
}

TEST(GenerateTest, ARecipeGivesTheSameBytes) {
  const TemporaryFolder folder;
  GenerateOptions options = small();
  options.prompt_3 = "another text";
  options.sampler = "dpm++2m";
  options.seed = 1u << 31;
  options.skip_layer_guidance = {{1, 2}, 2.8, 0.01, 0.9};
  for (const char* name : {"a.png", "a.webp", "a.jpg"}) {
    save(draw(options), folder / name);
    const Recipe recipe = read_recipe(folder / name);
    const std::string again = std::string("again_") + name;
    EXPECT_EQ(recipe.model, bf16_model().filename());
    save(Pipeline::from_pretrained(bf16_model().string(), recipe.load).generate(recipe.generate).at(0),
         folder / again);
    EXPECT_EQ(file_bytes(folder / again), file_bytes(folder / name)) << name;
  }
}

TEST(GenerateTest, GuidanceOfNoStepIsNoGuidance) {
  GenerateOptions none = small(), nowhere = small();
  none.guidance_scale = 1;
  nowhere.guidance_start = nowhere.guidance_stop = 0.5;
  EXPECT_EQ(draw(nowhere).rgb, draw(none).rgb);
}

TEST(GenerateTest, ABlockCacheThatNeverHitsChangesNothing) {
  GenerateOptions options = small();
  options.block_cache = 1e-12;
  EXPECT_EQ(draw(options).rgb, draw(small()).rgb);
}

TEST(GenerateTest, AProfileTellsStagesBlocksAndOperations) {
  const TemporaryFolder folder;
  Pipeline pipeline = open();
  const Picture plain = pipeline.generate(small()).at(0);
  pipeline.start_profile(folder / "trace.json");
  EXPECT_EQ(pipeline.generate(small()).at(0).rgb, plain.rgb);
  const std::string table = pipeline.finish_profile();
  for (const char* row : {"encode prompt", "denoise", "decode", "attention [", "linear [", "conv2d ["})
    EXPECT_NE(table.find(row), table.npos) << row;
  const auto trace = nlohmann::json::parse(file_bytes(folder / "trace.json"));
  std::map<std::string, int> events;
  for (const auto& event : trace["traceEvents"]) {
    EXPECT_GE(event["dur"].get<double>(), 0);
    ++events[event["name"].get<std::string>()];
  }
  EXPECT_EQ(events["denoise"], 1);
  EXPECT_EQ(events["step 2"], 1);
  EXPECT_EQ(events["block 0"], 3);
  EXPECT_GT(events["linear"], 0);
}

// Samplers that add noise go on with the generator of a picture: alone, in a series, and from a recipe.
TEST(GenerateTest, NoiseOfStepsBelongsToThePicture) {
  for (const char* sampler : {"euler_a", "lcm"})
    for (const char* generator : {"cpu", "cuda"}) {
      GenerateOptions options = small();
      options.sampler = sampler;
      options.generator = generator;
      options.seed = 5;
      options.count = 3;
      const std::vector<Picture> series = open().generate(options);
      options.count = 1;
      options.seed = 7;
      EXPECT_EQ(draw(options).rgb, series.at(2).rgb) << sampler << " " << generator;
      EXPECT_NE(series.at(1).rgb, series.at(2).rgb);
    }
}

TEST(GenerateTest, RecipesHoldWhatAPresetStandsFor) {
  GenerateOptions options = small();
  options.num_inference_steps.reset();
  options.preset = "turbo";
  options.shift = 0;
  const Recipe recipe = recipe_of(draw(options));
  EXPECT_EQ(recipe.generate.preset, "");
  EXPECT_EQ(recipe.generate.num_inference_steps, 8);
  EXPECT_EQ(recipe.generate.guidance_scale, 1);
  EXPECT_GT(recipe.generate.shift.value(), 0);  // by its size
}

TEST(GenerateTest, TheModelsOwnShiftIsTheDefault) {
  GenerateOptions options = small();
  options.shift = 3;
  EXPECT_EQ(draw(options).rgb, draw(small()).rgb);
}

TEST(GenerateTest, WhatIsNotAskedForIsTheModelsOwn) {
  const TemporaryFolder folder;
  fs::copy(bf16_model(), folder / "m", fs::copy_options::recursive);
  put_file(
      folder / "m/sd35.json",
      R"({"defaults": {"width": 64, "height": 48, "steps": 2, "guidance_scale": 2, "sampler": "heun"}})");
  Pipeline pipeline = Pipeline::from_pretrained((folder / "m").string(), f32());
  GenerateOptions asked;
  asked.prompt = "a red square";
  asked.max_sequence_length = 16;
  const GenerateOptions whole = pipeline.completed(asked);
  EXPECT_EQ(whole.sampler, "heun");
  const Picture picture = pipeline.generate(asked).at(0);
  EXPECT_EQ(picture.width, 64);
  EXPECT_EQ(picture.height, 48);
  EXPECT_EQ(picture.rgb, open().generate(whole).at(0).rgb);  // a model without defaults, given all of them
  asked.num_inference_steps = 1;
  EXPECT_NE(pipeline.generate(asked).at(0).rgb, picture.rgb);
}

TEST(GenerateTest, CompletingOptionsRefusesImpossibleOnes) {
  const Pipeline pipeline = open();
  const auto refused = [&](auto&& change) -> std::string {
    GenerateOptions options;
    change(options);
    try {
      pipeline.completed(options);
    } catch (const ArgumentError& error) {
      return error.option();
    }
    return "";
  };
  EXPECT_EQ(refused([](GenerateOptions& o) { o.width = 100; }), "width");
  EXPECT_EQ(refused([](GenerateOptions& o) { o.sampler = "ddim"; }), "sampler");
  EXPECT_EQ(refused([](GenerateOptions& o) { o.skip_layer_guidance.layers = {99}; }),
            "skip_layer_guidance.layers");
  EXPECT_EQ(refused([](GenerateOptions& o) { o.width = 64; }), "");
}

TEST(GenerateTest, EnginesAndTypesAgree) {
  LoadOptions ref = f32(), bf16;
  ref.engine = "ref";
  GenerateOptions options = small();
  options.noise_dtype = "f32";
  options.guidance_scale = 1;
  const Picture plain = draw(options);
  EXPECT_LT(difference(Pipeline::from_pretrained(bf16_model().string(), ref).generate(options).at(0), plain),
            0.5);
  EXPECT_LT(difference(Pipeline::from_pretrained(bf16_model().string(), bf16).generate(options).at(0), plain),
            8);
}

TEST(GenerateTest, TilesApproximateTheWholePicture) {
  GenerateOptions options = small();
  options.width = 320;  // the tiny model's tiles have 256 pixels
  const Picture whole = draw(options);
  options.vae_tiling = true;
  const Picture tiled = draw(options);
  EXPECT_NE(tiled.rgb, whole.rgb);
  EXPECT_LT(difference(tiled, whole), 40);
}

TEST(GenerateTest, ASingleFileGivesTheSamePicture) {
  const TemporaryFolder folder;
  RandomModelOptions options;
  options.layout = "single";
  make_random_model(options, folder / "tiny.safetensors");
  LoadOptions load = f32();
  load.parts.tokenizers = folder / "tokenizers";
  Pipeline single = Pipeline::from_pretrained((folder / "tiny.safetensors").string(), load);
  EXPECT_EQ(single.generate(small()).at(0).rgb, draw(small()).rgb);
}

TEST(GenerateTest, StepsShowTheirLatents) {
  GenerateOptions options = small();
  options.count = 2;
  std::vector<int> steps;
  Callbacks callbacks;
  callbacks.on_step = [&](const StepResult& result) {
    EXPECT_EQ(result.shape, (std::array<std::int64_t, 4>{result.shape[0], 16, 6, 8}));
    EXPECT_EQ(result.latents.size(), static_cast<std::size_t>(result.shape[0]) * 16 * 6 * 8);
    EXPECT_EQ(result.steps, 3);
    if (result.step == 1) {
      EXPECT_FLOAT_EQ(result.timestep, 1000);
    }
    steps.push_back(result.step);
    return true;
  };
  const Pipeline pipeline = open();
  const std::vector<Picture> watched = pipeline.generate(options, callbacks);
  EXPECT_EQ(std::ranges::count(steps, 3), std::ranges::count(steps, 1));
  EXPECT_EQ(watched.at(1).rgb, pipeline.generate(options).at(1).rgb);

  callbacks.on_step = [](const StepResult& result) {
    if (result.step == result.steps) std::ranges::fill(result.latents, 0.0f);
    return true;
  };
  const std::vector<Picture> blank = pipeline.generate(options, callbacks);
  EXPECT_EQ(blank.at(0).rgb, blank.at(1).rgb);

  callbacks.on_step = [](const StepResult& result) { return result.step < 2; };
  EXPECT_THROW(pipeline.generate(options, callbacks), Cancelled);
}

// Fractions of a stage rise to 1; stages come in the order of the data flow.
TEST(GenerateTest, ReportsProgress) {
  GenerateOptions options = small();
  options.count = 2;
  options.sampler = "heun";
  options.skip_layer_guidance = {{1, 2}, 2.8, 0.01, 0.9};
  std::vector<Progress> reports;
  int previews = 0;
  Callbacks callbacks;
  callbacks.on_progress = [&](const Progress& progress) {
    reports.push_back(progress);
    return true;
  };
  callbacks.on_preview = [&](const Picture& preview, int step) {
    EXPECT_EQ(preview.width, 8);
    EXPECT_EQ(preview.height, 6);
    EXPECT_EQ(preview.rgb.size(), 8u * 6 * 3);
    EXPECT_EQ(step, previews % 3 + 1);
    ++previews;
  };
  open().generate(options, callbacks);
  EXPECT_EQ(previews, 6);
  std::vector<Stage> order;
  for (std::size_t i = 0; i < reports.size(); ++i) {
    const Progress& now = reports[i];
    if (now.fraction == 0) {
      order.push_back(now.stage);
    } else {
      EXPECT_EQ(now.stage, reports[i - 1].stage);
      EXPECT_EQ(now.picture, reports[i - 1].picture);
      EXPECT_GE(now.fraction, reports[i - 1].fraction);
      EXPECT_GE(now.step, reports[i - 1].step);
    }
    // A stage ends once.
    const bool last = i + 1 == reports.size() || reports[i + 1].fraction == 0;
    EXPECT_EQ(now.fraction == 1, last) << i;
    if (last) {
      EXPECT_EQ(now.step, now.steps);
    }
    EXPECT_EQ(now.steps, now.stage == Stage::denoise ? 3 : 0);
    EXPECT_EQ(now.part.empty(), now.stage != Stage::load);
  }
  EXPECT_EQ(order, (std::vector{Stage::encode_prompt, Stage::load, Stage::denoise, Stage::load, Stage::decode,
                                Stage::denoise, Stage::decode}));
}

TEST(GenerateTest, WithABlockCacheDenoisingEndsOnceToo) {
  GenerateOptions options = small();
  options.block_cache = 10;
  int ends = 0;
  Callbacks callbacks;
  callbacks.on_progress = [&](const Progress& progress) {
    ends += progress.stage == Stage::denoise && progress.fraction == 1 ? 1 : 0;
    return true;
  };
  open().generate(options, callbacks);
  EXPECT_EQ(ends, 1);
}

TEST(GenerateTest, StopsInEveryStage) {
  Pipeline pipeline = open();
  for (const Stage stage : {Stage::load, Stage::encode_prompt, Stage::denoise, Stage::decode}) {
    Callbacks callbacks;
    callbacks.on_progress = [&](const Progress& progress) {
      return progress.stage != stage || progress.fraction < 0.1;
    };
    EXPECT_THROW(pipeline.generate(small(), callbacks), Cancelled) << static_cast<int>(stage);
  }
  EXPECT_EQ(pipeline.generate(small()).at(0).rgb, draw(small()).rgb);  // and works on
}

TEST(GenerateTest, OneWarningForACutPrompt) {
  GenerateOptions options = small();
  options.prompt = "square";
  for (int i = 0; i < 200; ++i) options.prompt += " word";
  std::vector<std::string> warnings;
  Callbacks callbacks;
  callbacks.on_warning = [&](const std::string& message) {
    if (message.find("is cut") != std::string::npos) warnings.push_back(message);
  };
  open().generate(options, callbacks);
  ASSERT_EQ(warnings.size(), 1u);
  for (const char* part : {"'square word", "CLIP-L", "CLIP-G", "T5", " tokens", "the cut begins at '"})
    EXPECT_NE(warnings[0].find(part), std::string::npos) << part << " in " << warnings[0];
}

TEST(GenerateTest, NamesTheStageThatWentWrong) {
  const struct {
    const char *file, *tensor, *stage;
  } cases[] = {
      {"text_encoder_3/model.safetensors", "encoder.block.1.layer.1.DenseReluDense.wo.weight",
       "encode prompt"},
      {"text_encoder_2/model.safetensors", "text_projection.weight", "encode prompt"},
      {"transformer/diffusion_pytorch_model.safetensors", "proj_out.weight", "step 1"},
      {"vae/diffusion_pytorch_model.safetensors", "decoder.conv_out.weight", "decode"},
  };
  for (const auto& [file, tensor, stage] : cases) {
    const TemporaryFolder folder;
    fs::copy(bf16_model(), folder / "broken", fs::copy_options::recursive);
    poison(folder / "broken" / file, tensor);
    try {
      Pipeline::from_pretrained((folder / "broken").string(), f32()).generate(small());
      ADD_FAILURE() << tensor;
    } catch (const NumericError& error) {
      EXPECT_NE(std::string(error.what()).find(stage), std::string::npos) << error.what();
    }
  }
}

TEST(GenerateTest, RefusesBeforeItLoads) {
  GenerateOptions options = small();
  options.width = 50;
  EXPECT_THROW(open().generate(options), ArgumentError);
  options = small();
  options.width = 16 * 97;  // the tiny table has 96 patches per side
  EXPECT_THROW(open().generate(options), ArgumentError);
  LoadOptions load;
  load.engine = "abacus";
  EXPECT_THROW(Pipeline::from_pretrained(bf16_model().string(), load), ArgumentError);
  load = {};
  load.dtype = "i8";
  EXPECT_THROW(Pipeline::from_pretrained(bf16_model().string(), load), ArgumentError);
  load = {};
  load.threads = -1;
  EXPECT_THROW(Pipeline::from_pretrained(bf16_model().string(), load), ArgumentError);
}

TEST(GenerateTest, RefusesModelsThatDoNotFit) {
  const TemporaryFolder folder;
  fs::copy(bf16_model(), folder / "m", fs::copy_options::recursive);
  const fs::path config = folder / "m" / "transformer" / "config.json";
  const std::string good = file_bytes(config);
  for (const auto& [from, to] : {std::pair{"\"joint_attention_dim\": 320", "\"joint_attention_dim\": 384"},
                                 {"\"num_layers\": 4", "\"num_layers\": 5"},
                                 {"\"in_channels\": 16", "\"in_channels\": 8"}}) {
    std::string text = good;
    const std::size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    put_file(config, text.replace(at, std::string(from).size(), to));
    EXPECT_THROW(Pipeline::from_pretrained((folder / "m").string()), FileError) << to;
  }
  put_file(config, good);
  fs::remove(folder / "m" / "vae" / "diffusion_pytorch_model.safetensors");
  EXPECT_THROW(Pipeline::from_pretrained((folder / "m").string()), FileError);
}

}  // namespace
}  // namespace sd35
