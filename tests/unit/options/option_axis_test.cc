#include "options/option_axis.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace sd35 {
namespace {

TEST(OptionAxisTest, TakesAnOptionThroughItsValues) {
  const OptionAxis guidance = option_axis_from_text("guidance=3,4.5,6");
  EXPECT_EQ(guidance.option, "guidance_scale");
  EXPECT_EQ(guidance.applied({}, 1).guidance_scale, 4.5);
  EXPECT_EQ(guidance.description(), "guidance_scale 3, 4.5, 6");
  EXPECT_EQ(option_axis_from_text("steps=10,20").applied({}, 1).num_inference_steps, 20);
  EXPECT_EQ(option_axis_from_text("num_inference_steps=10").applied({}, 0).num_inference_steps, 10);
  EXPECT_EQ(option_axis_from_text("seed=1,18446744073709551615").applied({}, 1).seed, 18446744073709551615u);
  EXPECT_EQ(option_axis_from_text("sampler=euler,heun").applied({}, 1).sampler, "heun");
  EXPECT_EQ(option_axis_from_text("skip-layer-scale=1,2").applied({}, 0).skip_layer_guidance.scale, 1);
  EXPECT_EQ(option_axis_from_text("guidance_stop=0.5").applied({}, 0).guidance_stop, 0.5);
  EXPECT_EQ(option_axis_from_text("vae-tiling=false,true").applied({}, 1).vae_tiling, true);
  GenerateOptions options;
  options.prompt = "a cat";
  EXPECT_EQ(guidance.applied(options, 0).prompt, "a cat");
}

TEST(OptionAxisTest, TakesTheWordForZero) {
  const OptionAxis axis = option_axis_from_text("shift=auto,3");
  EXPECT_EQ(axis.applied({}, 0).shift, 0);
  EXPECT_EQ(axis.applied({}, 1).shift, 3);
}

TEST(OptionAxisTest, WhatIsWrongIsNamed) {
  const auto expect = [](const std::string& text, const std::string& said) {
    try {
      option_axis_from_text(text);
      ADD_FAILURE() << text;
    } catch (const ArgumentError& error) {
      EXPECT_NE(std::string(error.what()).find(said), std::string::npos) << error.what();
    }
  };
  expect("steps", "an option with its values");
  expect("", "an option with its values");
  expect("colour=1", "steps, guidance-scale, sampler");
  expect("width=32,64", "cannot go through 'width'");
  expect("count=1,2", "cannot go through 'count'");
  expect("prompt=a,b", "cannot go through 'prompt'");
  expect("metadata=true,false", "cannot go through 'metadata'");
  expect("guidance-interval=0,1", "guidance_start");
  expect("steps=", "a value is missing");
  expect("steps=1,,2", "a value is missing");
  expect("steps=1,2,", "a value is missing");
  expect("steps=0", "num_inference_steps is 0");
  expect("steps=ten", "num_inference_steps is 'ten'");
  expect("steps=[1]", "num_inference_steps is '[1]'");
  expect("seed=-1", "seed");
  expect("sampler=abacus", "abacus");
}

}  // namespace
}  // namespace sd35
