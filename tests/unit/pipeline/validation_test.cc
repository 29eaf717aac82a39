// What generate() refuses and warns of.
#include "pipeline/validation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/error.h"
#include "pipeline/model_defaults.h"

namespace sd35 {
namespace {

// The message of the refusal; empty when the options are accepted.
std::string refusal(const std::function<void(GenerateOptions&)>& change) {
  GenerateOptions options = with_model_defaults({}, {}, MmditConfig{}, VaeConfig{}, 512);
  change(options);
  try {
    check_options(options, MmditConfig{}, VaeConfig{});
  } catch (const ArgumentError& error) {
    return error.what();
  }
  return "";
}

std::vector<std::string> warnings(const std::function<void(GenerateOptions&)>& change) {
  GenerateOptions options = with_model_defaults({}, {}, MmditConfig{}, VaeConfig{}, 512);
  change(options);
  std::vector<std::string> messages;
  Callbacks callbacks;
  callbacks.on_warning = [&](const std::string& message) { messages.push_back(message); };
  warn_of_options(options, trained_sides({}, MmditConfig{}, VaeConfig{}, "sd35.json"), callbacks);
  return messages;
}

TEST(ValidationTest, AcceptsTheDefaultsAndTheLimits) {
  EXPECT_EQ(refusal([](GenerateOptions&) {}), "");
  EXPECT_EQ(refusal([](GenerateOptions& o) { o.width = 16, o.height = 6144; }), "");
  EXPECT_EQ(refusal([](GenerateOptions& o) { o.num_inference_steps = 1; }), "");
  EXPECT_EQ(refusal([](GenerateOptions& o) { o.max_sequence_length = 512; }), "");
  EXPECT_EQ(refusal([](GenerateOptions& o) { o.shift = 0.01; }), "");
  EXPECT_EQ(refusal([](GenerateOptions& o) { o.shift = 100; }), "");
  EXPECT_EQ(refusal([](GenerateOptions& o) { o.noise_dtype = "torch.float16"; }), "");
  EXPECT_EQ(refusal([](GenerateOptions& o) { o.skip_layer_guidance.layers = {0, 23}; }), "");
}

TEST(ValidationTest, SidesThatAModelNamesAreThoseItWasTrainedFor) {
  const auto sides = [](const char* extras) {
    return trained_sides(nlohmann::json::parse(extras), MmditConfig{}, VaeConfig{}, "sd35.json");
  };
  EXPECT_EQ(sides("{}").smallest, 256);
  EXPECT_EQ(sides("{}").largest, 1440);
  const TrainedSides said = sides(R"({"sides": [96, 224]})");
  EXPECT_EQ(said.smallest, 96);
  EXPECT_EQ(said.largest, 224);
  for (const char* wrong : {R"({"sides": 3})", R"({"sides": [1]})", R"({"sides": [-1, 5]})",
                            R"({"sides": ["a", 5]})", R"({"sides": [1.5, 1e300]})"})
    EXPECT_THROW(sides(wrong), FileError) << wrong;
}

TEST(ValidationTest, RefusesSidesAndSaysWhatWouldWork) {
  EXPECT_EQ(refusal([](GenerateOptions& o) { o.width = 1000; }),
            "width is 1000; it must be a multiple of 16 from 16 to 6144, such as 1008");
  EXPECT_EQ(refusal([](GenerateOptions& o) { o.height = 6160; }),
            "height is 6160; it must be a multiple of 16 from 16 to 6144, which is as far as this model's "
            "positions go");
  EXPECT_NE(refusal([](GenerateOptions& o) { o.width = 0; }), "");
  EXPECT_NE(refusal([](GenerateOptions& o) { o.height = -16; }), "");
  EXPECT_NE(refusal([](GenerateOptions& o) { o.height = 2147483647; }), "");
}

TEST(ValidationTest, RefusesWhatThisModelOrAnotherOptionMakesImpossible) {
  EXPECT_EQ(
      refusal([](GenerateOptions& o) { o.guidance_start = 0.6, o.guidance_stop = 0.5; }),
      "the guidance interval is 0.6 to 0.5; it must be two fractions of the steps in order, from 0 to 1");
  EXPECT_EQ(refusal([](GenerateOptions& o) { o.skip_layer_guidance.layers = {24}; }),
            "skip-layer guidance of layer 24; the model has layers 0 to 23");
}

TEST(ValidationTest, RefusesFormsOfGuidanceThatExcludeEachOther) {
  const auto apg = [](std::vector<double> numbers) {
    return refusal([&](GenerateOptions& o) { o.apg = numbers; });
  };
  EXPECT_EQ(apg({0, 15, -0.5}), "");
  EXPECT_EQ(apg({1}), "apg takes three numbers, eta, radius and momentum, as in 0,15,-0.5; not 1");
  EXPECT_EQ(apg({0, -1, 0}), "apg has a radius of -1; it must be 0 or more");
  EXPECT_EQ(apg({0, 15, 1}), "apg has a momentum of 1; it must be between -1 and 1");
  EXPECT_EQ(apg({0, NAN, 0}), "apg holds nan; it must be a finite number");
  EXPECT_EQ(refusal([](GenerateOptions& o) {
              o.apg = {0, 15, 0}, o.cfg_zero = true;
            }),
            "apg and cfg_zero are two forms of guidance; use one of them");
  EXPECT_EQ(refusal([](GenerateOptions& o) { o.cfg_zero_steps = 1; }),
            "cfg_zero_steps has no meaning without cfg_zero");
  EXPECT_EQ(refusal([](GenerateOptions& o) { o.cfg_zero = true, o.cfg_zero_steps = 39; }), "");
  EXPECT_EQ(refusal([](GenerateOptions& o) { o.cfg_zero = true, o.cfg_zero_steps = 40; }),
            "cfg_zero_steps 40 leaves none of 40 steps");
  for (const char* sampler : {"heun", "dpm++2m", "euler_a", "lcm"}) {
    EXPECT_EQ(
        refusal([&](GenerateOptions& o) { o.cfg_zero = true, o.cfg_zero_steps = 1, o.sampler = sampler; }),
        std::string("the sampler ") + sampler + " cannot leave out steps; use euler, or cfg_zero_steps 0");
    EXPECT_EQ(
        refusal([&](GenerateOptions& o) { o.cfg_zero = true, o.cfg_zero_steps = 0, o.sampler = sampler; }),
        "");
  }
  EXPECT_EQ(refusal([](GenerateOptions& o) { o.skip_layer_guidance.in_negative = true; }),
            "skip-layer guidance in the negative prompt's pass needs the layers to leave out");
  EXPECT_EQ(refusal([](GenerateOptions& o) { o.skip_layer_guidance = {{7}, 2.8, 0.01, 0.2, true}; }), "");
}

TEST(ValidationTest, SuggestsThePresetOfDistilledModels) {
  const auto suggestions = [](const std::function<void(Recipe&)>& change) {
    Recipe recipe;
    recipe.model = "stable-diffusion-3.5-medium";
    recipe.generate = with_model_defaults({}, {}, MmditConfig{}, VaeConfig{}, 512);
    change(recipe);
    std::vector<std::string> messages;
    Callbacks callbacks;
    callbacks.on_warning = [&](const std::string& message) { messages.push_back(message); };
    suggest_preset(recipe, callbacks);
    return messages;
  };
  EXPECT_EQ(suggestions([](Recipe&) {}).size(), 0u);
  EXPECT_EQ(suggestions([](Recipe& r) { r.model = "tensorart/stable-diffusion-3.5-medium-turbo"; }),
            std::vector<std::string>{
                "'stable-diffusion-3.5-medium-turbo' sounds like a model for few steps, but is drawn with 40 "
                "steps and a guidance_scale of 4.5; the preset turbo is 8 steps without guidance and a shift "
                "of 5"});
  EXPECT_EQ(suggestions([](Recipe& r) { r.model = "turbo/stable-diffusion-3.5-medium"; }).size(), 0u);
  for (const char* name : {"sd3.5m_turbo.safetensors", "sd3.5m_Turbo-Q4_K_M.gguf"})
    EXPECT_EQ(suggestions([&](Recipe& r) { r.load.parts.transformer = name; }).size(), 1u) << name;
  for (const char* name : {"lora_sd3.5m_turbo_8steps.safetensors", "distilled-8-steps.safetensors"}) {
    EXPECT_EQ(suggestions([&](Recipe& r) { r.load.loras = {{name, 1}}; }).size(), 1u) << name;
    EXPECT_EQ(suggestions([&](Recipe& r) { r.generate.loras = {{name, 1}}; }).size(), 1u) << name;
  }
  EXPECT_EQ(suggestions([](Recipe& r) { r.load.loras = {{"trained_18steps.safetensors", 1}}; }).size(), 0u);
  const auto with = [&](int steps, double guidance) {
    return suggestions([&](Recipe& r) {
      r.model = "turbo";
      r.generate.num_inference_steps = steps;
      r.generate.guidance_scale = guidance;
    });
  };
  EXPECT_EQ(with(8, 1.5).size(), 0u);
  EXPECT_EQ(with(8, 4.5).size(), 1u);
  EXPECT_EQ(with(28, 1).size(), 1u);
}

TEST(ValidationTest, RefusesWhatTheTableOfOptionsDoes) {
  EXPECT_EQ(refusal([](GenerateOptions& o) { o.num_inference_steps = 1001; }),
            "num_inference_steps is 1001; it must be 1 to 1000");
  EXPECT_EQ(refusal([](GenerateOptions& o) { o.guidance_scale = NAN; }),
            "guidance_scale is nan; it must be a finite number");
  EXPECT_EQ(refusal([](GenerateOptions& o) { o.block_cache = -1; }),
            "block_cache is -1; it must be 0 or more");
  EXPECT_EQ(refusal([](GenerateOptions& o) { o.sampler = "ddim"; }),
            "unknown sampler 'ddim'; known: euler, heun, dpm++2m, euler_a, lcm");
}

TEST(ValidationTest, TheModelGivesWhatIsNotChosen) {
  MmditConfig small;
  small.sample_size = 16;
  GenerateOptions asked;
  asked.height = 96;
  const GenerateOptions options = with_model_defaults(asked, {}, small, VaeConfig{}, 96);
  EXPECT_EQ(options.width, 128);
  EXPECT_EQ(options.height, 96);
  EXPECT_EQ(options.max_sequence_length, 96);
  EXPECT_EQ(with_model_defaults({}, {}, MmditConfig{}, VaeConfig{}, 512).width, 1024);
  EXPECT_EQ(with_model_defaults({}, {}, MmditConfig{}, VaeConfig{}, 512).max_sequence_length, 256);
  EXPECT_EQ(with_model_defaults({}, {}, MmditConfig{}, VaeConfig{}, 0).max_sequence_length, 256);
}

TEST(ValidationTest, WhatDependsOnOtherOptionsFollowsFromThem) {
  const auto completed = [](const std::function<void(GenerateOptions&)>& change) {
    GenerateOptions asked;
    change(asked);
    return with_model_defaults(asked, {}, MmditConfig{}, VaeConfig{}, 512);
  };
  EXPECT_FALSE(completed([](GenerateOptions&) {}).shift.has_value());
  EXPECT_EQ(completed([](GenerateOptions& o) { o.shift = 0; }).shift, 3);
  EXPECT_EQ(completed([](GenerateOptions& o) { o.shift = 0, o.width = o.height = 512; }).shift, 1.5);
  EXPECT_EQ(completed([](GenerateOptions& o) { o.shift = 0, o.width = 256; }).shift, 1.5);
  EXPECT_FALSE(completed([](GenerateOptions&) {}).cfg_zero_steps.has_value());
  EXPECT_EQ(completed([](GenerateOptions& o) { o.cfg_zero = true; }).cfg_zero_steps, 1);
  EXPECT_EQ(completed([](GenerateOptions& o) { o.cfg_zero = true, o.sampler = "heun"; }).cfg_zero_steps, 0);
  EXPECT_EQ(
      completed([](GenerateOptions& o) { o.cfg_zero = true, o.num_inference_steps = 1; }).cfg_zero_steps, 0);
  EXPECT_EQ(completed([](GenerateOptions& o) { o.cfg_zero = true, o.cfg_zero_steps = 3; }).cfg_zero_steps, 3);
}

GenerateOptions defaults_of(const std::string& said) {
  return defaults_from_json(nlohmann::json::parse(R"({"words": ["cat"], "defaults": )" + said + "}"),
                            MmditConfig{}, VaeConfig{}, Location("m, sd35.json", "m/sd35.json"));
}

TEST(ModelDefaultsTest, ComeAfterWhatIsAskedForAndBeforeWhatIsPublished) {
  const GenerateOptions defaults = defaults_of(
      R"({"width": 256, "height": 192, "steps": 20, "guidance_scale": 3.5, "sampler": "dpm++2m"})");
  const auto complete = [&](const GenerateOptions& asked, const GenerateOptions& said) {
    return with_model_defaults(asked, said, MmditConfig{}, VaeConfig{}, 512);
  };
  const GenerateOptions said = complete({}, defaults);
  EXPECT_EQ(said.width, 256);
  EXPECT_EQ(said.height, 192);
  EXPECT_EQ(said.num_inference_steps, 20);
  EXPECT_EQ(said.guidance_scale, 3.5);
  EXPECT_EQ(said.sampler, "dpm++2m");
  const GenerateOptions published = complete({}, {});
  EXPECT_EQ(published.num_inference_steps, 40);
  EXPECT_EQ(published.guidance_scale, 4.5);
  EXPECT_EQ(published.sampler, "euler");
  GenerateOptions asked;
  asked.height = 64;
  asked.num_inference_steps = 3;
  asked.guidance_scale = 0;  // off, which is not unset
  asked.sampler = "heun";
  const GenerateOptions both = complete(asked, defaults);
  EXPECT_EQ(both.width, 256);
  EXPECT_EQ(both.height, 64);
  EXPECT_EQ(both.num_inference_steps, 3);
  EXPECT_EQ(both.guidance_scale, 0);
  EXPECT_EQ(both.sampler, "heun");
}

TEST(ModelDefaultsTest, RefusesWhatTheModelCannot) {
  const auto message = [](const std::string& said) -> std::string {
    try {
      defaults_of(said);
    } catch (const FileError& error) {
      EXPECT_EQ(error.file(), "m/sd35.json") << error.what();
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(message("{}"), "");
  EXPECT_EQ(
      message(R"({"step": 20})"),
      "m, sd35.json: 'defaults' does not know 'step'; known: width, height, steps, guidance_scale, sampler");
  EXPECT_EQ(
      message(R"({"width": 250})"),
      "m, sd35.json: 'defaults': width is 250; it must be a multiple of 16 from 16 to 6144, such as 256");
  for (const char* wrong : {"[]", "20", R"({"steps": 0})", R"({"steps": 1001})", R"({"steps": "20"})",
                            R"({"steps": 1.5})", R"({"width": -16})", R"({"height": 1e300})",
                            R"({"guidance_scale": "4"})", R"({"guidance_scale": -1})",
                            R"({"guidance_scale": 1e39})", R"({"sampler": "ddim"})", R"({"sampler": 2})"})
    EXPECT_TRUE(message(wrong).starts_with("m, sd35.json: 'defaults'")) << wrong << ": " << message(wrong);
}

TEST(ValidationTest, WarnsOfWhatMayDisappoint) {
  EXPECT_EQ(warnings([](GenerateOptions&) {}).size(), 0u);
  EXPECT_EQ(warnings([](GenerateOptions& o) { o.width = 256, o.height = 1440; }).size(), 0u);
  EXPECT_EQ(warnings([](GenerateOptions& o) { o.width = 240; }).size(), 1u);
  EXPECT_EQ(warnings([](GenerateOptions& o) { o.height = 1456; }).size(), 1u);
  EXPECT_EQ(warnings([](GenerateOptions& o) { o.max_sequence_length = 257; }).size(), 1u);
  EXPECT_EQ(warnings([](GenerateOptions& o) { o.guidance_scale = 1; }).size(), 0u);
  EXPECT_EQ(warnings([](GenerateOptions& o) { o.guidance_scale = 1, o.negative_prompt = "blurry"; }).size(),
            1u);
  EXPECT_EQ(warnings([](GenerateOptions& o) { o.guidance_scale = 1, o.guidance_rescale = 0.7; }).size(), 1u);
  EXPECT_EQ(warnings([](GenerateOptions& o) { o.guidance_scale = 1, o.cfg_zero = true; }).size(), 1u);
  EXPECT_EQ(
      warnings([](GenerateOptions& o) { o.guidance_scale = 1, o.skip_layer_guidance.layers = {7}; }).size(),
      1u);
}

}  // namespace
}  // namespace sd35
