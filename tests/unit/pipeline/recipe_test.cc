// What a picture says about how it was made, written and read back.
#include "pipeline/recipe.h"

#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "options/option_json.h"
#include "options/options.h"
#include "tests/support/file_bytes.h"
#include "tests/support/option_examples.h"
#include "tests/support/temporary_folder.h"

namespace sd35 {
namespace {

// Every option with its example.
Recipe unusual_recipe() {
  Recipe recipe;
  recipe.model = "models/sd3.5 medium";
  visit_defaults<LoadOptions>([&](const Option& option, const auto& /*standard*/) {
    options_from_json(object_with(option, example_of(option)), recipe.load);
  });
  visit_defaults<GenerateOptions>([&](const Option& option, const auto& /*standard*/) {
    options_from_json(object_with(option, example_of(option)), recipe.generate);
  });
  recipe.generate.prompt = "a \"quoted\" prompt,\nof two lines: ß 日本 🙂";
  recipe.generate.prompt_3 = "";
  recipe.generate.guidance_scale = 0.1 + 0.2;
  recipe.generate.seed = std::numeric_limits<std::uint64_t>::max();
  return recipe;
}

TEST(RecipeTest, SurvivesJson) {
  Recipe recipe = unusual_recipe();
  const Recipe read = recipe_from_json(recipe_to_json(recipe), "test");
  EXPECT_EQ(read.model, recipe.model);
  recipe.generate.metadata = GenerateOptions().metadata;
  recipe.generate.provenance = GenerateOptions().provenance;
  recipe.generate.recipe_paths = GenerateOptions().recipe_paths;
  EXPECT_EQ(options_to_json(read.generate), options_to_json(recipe.generate));
  recipe.load.prompt_cache = recipe.load.packed = "";  // concerns only this machine
  recipe.load.keep = "nothing";
  recipe.load.preview_with = "linear";
  recipe.load.threads = 0;
  EXPECT_EQ(options_to_json(read.load), options_to_json(recipe.load));
}

TEST(RecipeTest, NamesSayNothingOfWhereFilesLie) {
  const auto name = [](const std::string& model) { return with_names({model, {}, {}}).model; };
  EXPECT_EQ(name("/home/me/models/sd3.5 medium/"), "sd3.5 medium");
  EXPECT_EQ(name("/models/model.safetensors"), "model.safetensors");
  EXPECT_EQ(name("stabilityai/stable-diffusion-3.5-medium"), "stabilityai/stable-diffusion-3.5-medium");
  EXPECT_EQ(name("/cache/hub/models--stabilityai--stable-diffusion-3.5-medium/snapshots/0a1b"),
            "stabilityai/stable-diffusion-3.5-medium");
  Recipe recipe{"m", {}, {}};
  recipe.load.parts.clip_l = "/home/me/clip_l.safetensors";
  recipe.load.parts.tokenizers = "/home/me/tokenizers/";
  recipe.load.loras = {{"/home/me/a.safetensors", 1}};
  recipe.generate.loras = {{"/home/me/b.safetensors", 0.5}};
  EXPECT_EQ(recipe_to_json(with_names(recipe)).find("/home"), std::string::npos);
  EXPECT_EQ(with_names(recipe).load.parts.tokenizers, "tokenizers");
  EXPECT_EQ(with_names(recipe).generate.loras[0], (LoraOptions{"b.safetensors", 0.5}));
}

TEST(RecipeTest, HashesSurviveJson) {
  const TemporaryFolder folder;
  put_file(folder / "a.safetensors", "a");
  Recipe recipe{"m", {}, {}};
  recipe.model_hash = "0123";
  recipe.load.loras = {{folder / "a.safetensors", 1}};
  const Recipe read = recipe_from_json(recipe_to_json(with_names(with_hashes(recipe))), "test");
  EXPECT_EQ(read.model_hash, "0123");
  EXPECT_EQ(read.lora_hashes,
            (std::map<std::string, std::string>{{"a.safetensors", file_hash(folder / "a.safetensors")}}));
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
  for (const char* part : {"🙂\nNegative prompt: sharp\n", "Steps: 4", "Sampler: Heun", "Size: 48x64",
                           "Seed: 18446744073709551615", "Shift: 1", "Model: sd3.5 medium"})
    EXPECT_NE(metadata[0].second.find(part), std::string::npos) << part << " in " << metadata[0].second;
}

TEST(RecipeTest, APictureFromElsewhereChoosesNoFoldersAndNoThreads) {
  const Recipe recipe = recipe_from_json(
      R"({"model": "m", "load": {"packed": "/tmp/p", "prompt_cache": "/tmp/c", "threads": 3, "keep": "all"}})",
      "test");
  EXPECT_EQ(options_to_json(recipe.load), options_to_json(LoadOptions()));
}

TEST(RecipeTest, MissingOptionsKeepTheirDefaults) {
  const Recipe recipe = recipe_from_json(R"({"model": "m"})", "test");
  EXPECT_FALSE(recipe.generate.guidance_scale.has_value());
  EXPECT_EQ(metadata_of(recipe)[0].second.find("CFG scale"), std::string::npos);
  EXPECT_EQ(recipe.model, "m");
  EXPECT_FALSE(recipe.generate.num_inference_steps.has_value());
  EXPECT_TRUE(recipe.load.use_t5);
  EXPECT_FALSE(recipe.generate.shift.has_value());
}

TEST(RecipeTest, InAnOldRecipeZeroAndNoNameAreTheModelsOwnChoice) {
  const Recipe recipe = recipe_from_json(
      R"({"model": "m", "load": {"quantize": "", "clip_l": "a"}, "generate": {"width": 0, "height": 0, "sampler": "",
          "num_inference_steps": 0, "max_sequence_length": 0, "noise_dtype": "", "prompt_2": ""}})",
      "test");
  GenerateOptions expected;
  expected.prompt_2 = "";
  EXPECT_EQ(options_to_json(recipe.generate), options_to_json(expected));
  EXPECT_EQ(recipe.load.parts.clip_l, "a");
}

TEST(RecipeTest, AnErrorNamesThePlaceAndTheOption) {
  try {
    recipe_from_json(R"({"model": "m", "generate": {"count": 0}})", "a.png");
    ADD_FAILURE();
  } catch (const FileError& error) {
    EXPECT_EQ(std::string(error.what()), "a.png, generate: count is 0; it must be 1 to 1000");
    EXPECT_EQ(error.option(), "count");
  }
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
                           R"({"model": "m", "load": {"max_memory": 1.5}})",
                           R"({"model": "m", "load": {"max_memory": -1}})",
                           R"({"model": "m", "load": {"loras": {"path": "l"}}})",
                           R"({"model": "m", "load": {"loras": [{"path": "l", "weight": "1"}]}})",
                           R"({"model": "m", "generate": {"width": "wide"}})",
                           R"({"model": "m", "generate": {"colour": "red"}})",
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
