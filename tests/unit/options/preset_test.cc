#include "options/preset.h"

#include <gtest/gtest.h>

#include <string>

#include "core/error.h"

namespace sd35 {
namespace {

GenerateOptions turbo() {
  GenerateOptions options;
  options.preset = "turbo";
  return options;
}

TEST(PresetTest, SetsWhatNobodyChose) {
  const GenerateOptions options = with_preset(turbo());
  EXPECT_EQ(options.num_inference_steps, 8);
  EXPECT_EQ(options.guidance_scale, 1);
  EXPECT_EQ(options.shift, 5);
  EXPECT_EQ(options.preset, "");
}

TEST(PresetTest, LeavesWhatSomebodyChose) {
  GenerateOptions asked = turbo();
  asked.num_inference_steps = 4;
  asked.guidance_scale = 0;
  asked.shift = 0;
  const GenerateOptions options = with_preset(asked);
  EXPECT_EQ(options.num_inference_steps, 4);
  EXPECT_EQ(options.guidance_scale, 0);
  EXPECT_EQ(options.shift, 0);
}

TEST(PresetTest, NoneSetsNothing) {
  const GenerateOptions options = with_preset({});
  EXPECT_FALSE(options.num_inference_steps || options.guidance_scale || options.shift);
}

TEST(PresetTest, MakesRoomExceptForWhatIsChosen) {
  GenerateOptions recipe;
  recipe.num_inference_steps = 40;
  recipe.guidance_scale = 4.5;
  recipe.shift = 3;
  recipe.sampler = "heun";
  make_room_for_preset(recipe, [](std::string_view option) { return option == "guidance_scale"; });
  recipe.preset = "turbo";
  const GenerateOptions options = with_preset(recipe);
  EXPECT_EQ(options.num_inference_steps, 8);
  EXPECT_EQ(options.guidance_scale, 4.5);
  EXPECT_EQ(options.shift, 5);
  EXPECT_EQ(options.sampler, "heun");
}

TEST(PresetTest, NoneIsNone) {
  GenerateOptions options;
  options.preset = "none";
  EXPECT_EQ(with_preset(options).preset, "");
  EXPECT_FALSE(with_preset(options).num_inference_steps.has_value());
}

TEST(PresetTest, RefusesOthers) {
  GenerateOptions options;
  options.preset = "warp";
  try {
    with_preset(options);
    FAIL();
  } catch (const ArgumentError& error) {
    EXPECT_STREQ(error.what(), "unknown preset 'warp'; known: turbo, none");
    EXPECT_EQ(error.option(), "preset");
  }
}

}  // namespace
}  // namespace sd35
