// An option changes what the table of options says it changes, and nothing else changes a picture.
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "options/option_json.h"
#include "options/options.h"
#include "tests/support/file_bytes.h"
#include "tests/support/option_examples.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/pipeline/bf16_model.h"

namespace sd35 {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// Every option matters here: skip-layer guidance is on, and so is guidance.
Recipe recipe_of_a_small_picture() {
  Recipe recipe;
  recipe.model = bf16_model().string();
  recipe.load.dtype = "f32";
  recipe.generate.prompt = "a red square";
  recipe.generate.negative_prompt = "blurry";
  recipe.generate.width = 64;
  recipe.generate.height = 48;
  recipe.generate.num_inference_steps = 3;
  recipe.generate.max_sequence_length = 16;
  recipe.generate.skip_layer_guidance = {{1}, 2.8, 0.01, 0.9};
  return recipe;
}

std::vector<std::vector<std::uint8_t>> draw(const Recipe& recipe) {
  std::vector<std::vector<std::uint8_t>> pictures;
  for (Picture& picture : Pipeline::from_pretrained(recipe.model, recipe.load).generate(recipe.generate))
    pictures.push_back(std::move(picture.rgb));
  return pictures;
}

// The least that a picture can be made in: the ways before it, such as bands, change no bit.
std::uint64_t tight_memory(const Recipe& recipe) {
  struct Planned {};
  Recipe asked = recipe;
  std::uint64_t accepted = 0, largest = std::uint64_t{1} << 40;
  Callbacks callbacks;
  callbacks.on_memory_plan = [&](const std::vector<MemoryStage>& stages) {
    accepted = asked.load.max_memory;
    largest = std::ranges::max(stages, {}, &MemoryStage::bytes).bytes;
    throw Planned();
  };
  try {
    while (true) {
      asked.load.max_memory = largest - 1;
      try {
        Pipeline::from_pretrained(asked.model, asked.load).generate(asked.generate, callbacks);
      } catch (const Planned&) {  // drawing it is not needed
      }
    }
  } catch (const ArgumentError&) {  // too little
    return accepted;
  }
}

// In addition to the examples of the table: what an option needs to matter, and values that are files.
class OptionEffectsTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<TemporaryFolder>();
    RandomModelOptions other;
    other.seed = 1;
    make_random_model(other, *folder_ / "other");
    write_pictures();
    fs::create_directory(*folder_ / "tokenizers");
    for (const char* name : {"tokenizer", "tokenizer_2", "tokenizer_3"})
      fs::copy(bf16_model() / name, *folder_ / "tokenizers" / name, fs::copy_options::recursive);
    // Words become other tokens.
    const fs::path vocabulary = *folder_ / "tokenizers" / "tokenizer" / "vocab.json";
    json tokens = json::parse(file_bytes(vocabulary));
    std::swap(tokens.at("a</w>"), tokens.at("b</w>"));
    put_file(vocabulary, tokens.dump());
  }
  static void TearDownTestSuite() { folder_.reset(); }

  // A slope, and a mask of its size.
  static void write_pictures() {
    Picture picture{40, 56, {}}, mask{40, 56, {}};
    for (int i = 0; i < 40 * 56; ++i)
      for (int c = 0; c < 3; ++c) {
        picture.rgb.push_back(static_cast<std::uint8_t>((3 * i + 80 * c) % 251));
        mask.rgb.push_back(i % 40 < 20 ? 255 : 0);
      }
    save(picture, *folder_ / "picture.png");
    save(mask, *folder_ / "mask.png");
  }

  // What an option of pictures that go in needs.
  static json value_with_pictures(const Option& option, Recipe& recipe) {
    const std::string name(option.name);
    GenerateOptions& options = recipe.generate;
    if (name == "edit") options.reference_tokens = true;
    if (name.starts_with("hires.") && name != "hires.scale") options.hires.scale = 2;
    if (name.starts_with("inpaint.") || (name.starts_with("init.") && name != "init.picture"))
      options.init.picture.path = *folder_ / "picture.png";
    if (name.starts_with("inpaint.") && name != "inpaint.mask" && name != "inpaint.outpaint")
      options.inpaint.mask.path = *folder_ / "mask.png";
    if (name == "inpaint.outpaint") options.width = options.height = std::nullopt;  // which it gives
    if (option.kind == OptionKind::file) return (*folder_ / std::string(option.example)).string();
    return example_of(option);
  }

  // Widens `recipe` where the option needs that.
  static json value_of(const Option& option, Recipe& recipe) {
    const std::string name(option.name);
    if (name == "forecast") recipe.generate.num_inference_steps = 6;  // the first three are always computed
    if (name == "block_cache") return 10;                             // more than a picture should have
    if (name == "vae_tiling" || name == "max_memory") recipe.generate.width = 320;  // tiles have 256 pixels
    if (name == "max_memory") return tight_memory(recipe);
    if (name == "cfg_zero_steps") recipe.generate.cfg_zero = true;
    if (name == "prompt_cache" || name == "packed") return (*folder_ / name).string();
    if (name == "tokenizers") return (*folder_ / name).string();
    if (name == "loras")
      return {{{"path", std::string(SD35_SOURCE_DIR) + "/tests/golden/lora/peft.safetensors"}}};
    static const std::map<std::string, std::string> kParts{{"clip_l", "text_encoder"},
                                                           {"clip_g", "text_encoder_2"},
                                                           {"t5xxl", "text_encoder_3"},
                                                           {"transformer", "transformer"},
                                                           {"vae", "vae"}};
    if (const auto part = kParts.find(name); part != kParts.end())
      return (*folder_ / "other" / part->second).string();
    if (name == "preview_with") return std::string(SD35_SOURCE_DIR) + "/tests/golden/tiny_autoencoder";
    if (name == "dtype") return "bf16";  // here f32 is the usual
    return value_with_pictures(option, recipe);
  }

  template <class Options>
  void expect_effects(Options Recipe::*options) {
    const auto plain = draw(recipe_of_a_small_picture());
    visit_defaults<Options>([&](const Option& option, const auto& /*standard*/) {
      SCOPED_TRACE(std::string(option.name));
      // Of another engine; what engines round differently need not show in any byte.
      if (option.name == "device" || option.name == "engine") return;
      // What it allows is refused without it.
      if (option.name == "reference_tokens") return;
      Recipe before = recipe_of_a_small_picture();
      const json usual = options_to_json(before.generate), value = value_of(option, before);
      Recipe after = before;
      options_from_json(object_with(option, value), after.*options);
      const auto pictures = draw(after);
      const bool changed =
          pictures != (json(options_to_json(before.generate)) == usual ? plain : draw(before));
      EXPECT_EQ(changed, (option.effects & kOnPicture) != 0);
      // What is kept for the next time is then used.
      if (option.kind == OptionKind::folder) {
        EXPECT_EQ(draw(after), pictures);
      }
    });
  }

  static inline std::unique_ptr<TemporaryFolder> folder_;
};

TEST_F(OptionEffectsTest, OfWhatIsDrawn) { expect_effects(&Recipe::generate); }
TEST_F(OptionEffectsTest, OfWithWhat) { expect_effects(&Recipe::load); }

TEST_F(OptionEffectsTest, WhatIsImpossibleIsNamed) {
  const auto refused = [](const std::function<void(Recipe&)>& change) -> std::string {
    Recipe recipe = recipe_of_a_small_picture();
    change(recipe);
    try {
      draw(recipe);
    } catch (const ArgumentError& error) {
      return error.option();
    }
    return "";
  };
  // What this model, this machine and other options rule out, in addition to what the table says
  // (tests/unit/options).
  EXPECT_EQ(refused([](Recipe& r) { r.generate.width = 17; }), "width");
  EXPECT_EQ(refused([](Recipe& r) { r.generate.height = 16 * 97; }), "height");
  EXPECT_EQ(refused([](Recipe& r) { r.generate.skip_layer_guidance.layers = {99}; }),
            "skip_layer_guidance.layers");
  EXPECT_EQ(refused([](Recipe& r) { r.generate.guidance_start = 0.6, r.generate.guidance_stop = 0.5; }),
            "guidance_start");
  EXPECT_EQ(refused([](Recipe& r) { r.generate.num_inference_steps = 0; }), "num_inference_steps");
  EXPECT_EQ(refused([](Recipe& r) { r.generate.sampler = "ddim"; }), "sampler");
  EXPECT_EQ(refused([](Recipe& r) { r.generate.preset = "warp"; }), "preset");
  EXPECT_EQ(refused([](Recipe& r) { r.generate.shift = 0.001; }), "shift");
  EXPECT_EQ(refused([](Recipe& r) { r.generate.apg = {0, 15}; }), "apg");
  EXPECT_EQ(refused([](Recipe& r) { r.generate.cfg_zero_steps = 1; }), "cfg_zero_steps");
  EXPECT_EQ(refused([](Recipe& r) { r.load.engine = "abacus"; }), "engine");
  EXPECT_EQ(refused([](Recipe& r) { r.load.device = "cuda"; }), "device");
  EXPECT_EQ(refused([](Recipe& r) { r.load.engine = "ref", r.load.dtype = "bf16"; }), "dtype");
  EXPECT_EQ(refused([](Recipe& r) { r.load.threads = 1025; }), "threads");
  EXPECT_EQ(refused([](Recipe& r) { r.load.quantize = "i8"; }), "quantize");
  EXPECT_EQ(refused([](Recipe& r) { r.load.max_memory = 1; }), "max_memory");
}

}  // namespace
}  // namespace sd35
