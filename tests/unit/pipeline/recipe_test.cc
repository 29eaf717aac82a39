// What a picture says about how it was made, written and read back.
#include "pipeline/recipe.h"

#include <gtest/gtest.h>

#include <limits>

#include "core/error.h"
#include "tests/support/temporary_folder.h"

namespace sd35 {
namespace {

Recipe unusual_recipe() {
  Recipe recipe;
  recipe.model = "models/sd3.5 medium";
  recipe.load.engine = "ref";
  recipe.load.dtype = "f32";
  recipe.load.threads = 3;
  recipe.load.use_t5 = false;
  recipe.load.clip_l = "a/clip_l.safetensors";
  recipe.load.tokenizers = "tokenizers";
  recipe.generate.prompt = "a \"quoted\" prompt,\nof two lines: ß 日本 🙂";
  recipe.generate.prompt_3 = "";
  recipe.generate.negative_prompt = "blurry";
  recipe.generate.negative_prompt_2 = "grey";
  recipe.generate.width = 640;
  recipe.generate.height = 1440;
  recipe.generate.num_inference_steps = 7;
  recipe.generate.guidance_scale = 0.1 + 0.2;
  recipe.generate.guidance_start = 0.1;
  recipe.generate.guidance_stop = 0.7;
  recipe.generate.block_cache = 0.12;
  recipe.generate.sampler = "dpm++2m";
  recipe.generate.shift = 4.5;
  recipe.generate.seed = std::numeric_limits<std::uint64_t>::max();
  recipe.generate.max_sequence_length = 77;
  recipe.generate.generator = "cuda";
  recipe.generate.noise_dtype = "f16";
  recipe.generate.skip_layer_guidance = {{7, 8, 9}, 2.5, 0.02, 0.3};
  recipe.generate.vae_tiling = true;
  return recipe;
}

TEST(RecipeTest, SurvivesJson) {
  const std::string json = recipe_to_json(unusual_recipe());
  const Recipe recipe = recipe_from_json(json, "test");
  EXPECT_EQ(recipe_to_json(recipe), json);
  EXPECT_EQ(recipe.generate.seed, std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(recipe.generate.guidance_scale, 0.1 + 0.2);
  EXPECT_EQ(recipe.generate.prompt_3, "");
  EXPECT_FALSE(recipe.generate.prompt_2.has_value());
  EXPECT_EQ(recipe.generate.shift, 4.5);
  EXPECT_EQ(recipe.generate.skip_layer_guidance.layers, (std::vector{7, 8, 9}));
  EXPECT_EQ(recipe.load.clip_l, "a/clip_l.safetensors");
  EXPECT_TRUE(recipe.load.t5xxl.empty());
}

TEST(RecipeTest, SurvivesAPictureFile) {
  const TemporaryFolder folder;
  Picture picture{16, 16, std::vector<std::uint8_t>(3 * 16 * 16, 90), metadata_of(unusual_recipe())};
  for (const char* name : {"a.png", "b.jpg", "c.webp"}) {
    save(picture, folder / name);
    EXPECT_EQ(recipe_to_json(read_recipe(folder / name)), recipe_to_json(unusual_recipe())) << name;
  }
}

TEST(RecipeTest, TheTextForPeopleNamesWhatMatters) {
  const auto metadata = metadata_of(unusual_recipe());
  ASSERT_EQ(metadata.size(), 2u);
  EXPECT_EQ(metadata[0].first, "parameters");
  for (const char* part :
       {"🙂\nNegative prompt: blurry\n", "Steps: 7", "Sampler: DPM++ 2M", "Size: 640x1440",
        "Seed: 18446744073709551615", "Shift: 4.5", "Model: sd3.5 medium"})
    EXPECT_NE(metadata[0].second.find(part), std::string::npos) << part << " in " << metadata[0].second;
}

TEST(RecipeTest, MissingOptionsKeepTheirDefaults) {
  const Recipe recipe = recipe_from_json(R"({"model": "m"})", "test");
  EXPECT_FALSE(recipe.generate.guidance_scale.has_value());
  EXPECT_EQ(metadata_of(recipe)[0].second.find("CFG scale"), std::string::npos);
  EXPECT_EQ(recipe.model, "m");
  EXPECT_EQ(recipe.generate.num_inference_steps, GenerateOptions{}.num_inference_steps);
  EXPECT_TRUE(recipe.load.use_t5);
  EXPECT_FALSE(recipe.generate.shift.has_value());
}

TEST(RecipeTest, RefusesWhatIsNoRecipe) {
  for (const char* text : {"",
                           "[]",
                           "{}",
                           R"({"model": 3})",
                           R"({"model": "m", "load": []})",
                           R"({"model": "m", "generate": {"seed": -1}})",
                           R"({"model": "m", "generate": {"seed": 1e300}})",
                           R"({"model": "m", "generate": {"width": 99999999999}})",
                           R"({"model": "m", "generate": {"seed": 18446744073709551616}})",
                           R"({"model": "m", "generate": {"seed": "1"}})",
                           R"({"model": "m", "generate": {"seed": 1.5}})",
                           R"({"model": "m", "generate": {"count": 2147483648}})",
                           R"({"model": "m", "generate": {"guidance_scale": 1e999}})",
                           R"({"model": "m", "load": {"threads": 2147483648}})",
                           R"({"model": "m", "load": {"threads": 1.5}})",
                           R"({"model": "m", "load": {"max_memory": -1}})",
                           R"({"model": "m", "load": {"loras": {"path": "l"}}})",
                           R"({"model": "m", "load": {"loras": [{"path": "l", "weight": "1"}]}})",
                           R"({"model": "m", "generate": {"width": "wide"}})",
                           R"({"model": "m", "generate": {"skip_layer_guidance": 1}})",
                           R"({"model": "m", "generate": {"skip_layer_guidance": {"layers": [-1]}}})"})
    EXPECT_THROW(recipe_from_json(text, "test"), FileError) << text;
}

TEST(RecipeTest, TextInARecipeDoesNotReachTheTerminalAsItIs) {
  const std::string text = R"("\u001b]0;pwned\u0007\n")";
  for (const std::string& json :
       {R"({"model": "m", "load": {"engine": )" + text + "}}",
        R"({"model": "m", "load": {"dtype": )" + text + "}}",
        R"({"model": "m", "load": {"quantize": )" + text + "}}",
        R"({"model": "m", "load": {"engine": "ref", "dtype": "f32", "device": )" + text + "}}",
        R"({"model": )" + text + "}", R"({"model": "m", "load": {"loras": )" + text + "}}"}) {
    try {
      const Recipe recipe = recipe_from_json(json, "test");
      Pipeline::from_pretrained(recipe.model, recipe.load);
      ADD_FAILURE() << json;
    } catch (const Error& error) {
      EXPECT_EQ(std::string(error.what()).find_first_of("\x1b\x07\n"), std::string::npos) << error.what();
    }
  }
}

TEST(RecipeTest, APictureWithoutRecipeSaysSo) {
  const TemporaryFolder folder;
  save({16, 16, std::vector<std::uint8_t>(3 * 16 * 16), {}}, folder / "plain.png");
  EXPECT_THROW(read_recipe(folder / "plain.png"), FileError);
}

}  // namespace
}  // namespace sd35
