// What other programs' pictures say of how they were made.
#include "pipeline/foreign_recipe.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "pipeline/recipe.h"

namespace sd35 {
namespace {

using nlohmann::json;
using Strings = std::vector<std::string>;

Recipe of_parameters(const std::string& text) {
  const std::optional<Recipe> recipe = recipe_from_parameters(text);
  EXPECT_TRUE(recipe.has_value()) << text;
  return recipe.value_or(Recipe());
}

TEST(ParametersTest, GiveWhatHasAMeaning) {
  const Recipe recipe = of_parameters(
      "a cat,\nSteps: of stone\nNegative prompt: blurry,\nlow quality\n"
      "Steps: 28, Sampler: DPM++ 2M, Schedule type: SGM Uniform, CFG scale: 4.5, Seed: 18446744073709551615, "
      "Size: 768x1024, Model hash: 5a1b, Model: sd3.5_medium, Clip skip: 2, Lora hashes: \"a: 1, b: 2\", "
      "Shift: 5, Version: v1.10");
  const GenerateOptions& options = recipe.generate;
  EXPECT_EQ(options.prompt, "a cat,\nSteps: of stone");
  EXPECT_EQ(options.negative_prompt, "blurry,\nlow quality");
  EXPECT_EQ(options.num_inference_steps, 28);
  EXPECT_EQ(options.sampler, "dpm++2m");
  EXPECT_EQ(options.guidance_scale, 4.5);
  EXPECT_EQ(options.seed, 18446744073709551615u);
  EXPECT_EQ(options.width, 768);
  EXPECT_EQ(options.height, 1024);
  EXPECT_EQ(options.shift, 5);
  EXPECT_EQ(recipe.model, "");
  EXPECT_EQ(recipe.left_out, (Strings{"Model: sd3.5_medium", "Clip skip: 2", "Lora hashes: a: 1, b: 2"}));
}

TEST(ParametersTest, OfOurOwnAreWhatWasWritten) {
  Recipe recipe{"models/m.safetensors", {}, {}};
  for (const char* sampler : {"euler", "heun", "dpm++2m"}) {
    recipe.generate.prompt = "a \"red\" cat, 1:2\nof stone";
    recipe.generate.negative_prompt = "a dog";
    recipe.generate.num_inference_steps = 7;
    recipe.generate.guidance_scale = 2.5;
    recipe.generate.sampler = sampler;
    recipe.generate.seed = 3;
    recipe.generate.width = 64;
    recipe.generate.height = 48;
    recipe.generate.shift = 1.5;
    const Recipe read = of_parameters(metadata_of(recipe).at(0).second);
    EXPECT_EQ(recipe_to_json({"", {}, read.generate}), recipe_to_json({"", {}, recipe.generate}));
    EXPECT_EQ(read.left_out, Strings{"Model: m"});
  }
}

TEST(ParametersTest, WhatIsUnknownOrImpossibleIsLeftOut) {
  const Recipe recipe =
      of_parameters("Steps: 0, Sampler: DPM2 a Karras, CFG scale: high, Seed: -1, Size: 64");
  EXPECT_EQ(recipe.generate.prompt, "");
  EXPECT_FALSE(recipe.generate.num_inference_steps || recipe.generate.sampler ||
               recipe.generate.guidance_scale);
  EXPECT_EQ(recipe.generate.width, 64);
  EXPECT_EQ(recipe.left_out,
            (Strings{"Steps: 0", "Schedule type: Karras", "Sampler: DPM2 a", "CFG scale: high", "Seed: -1"}));
  std::string many = "Steps: 3";
  for (int i = 0; i < 500; ++i)
    many += ", Option " + std::to_string(i) + ": \"" + std::string(500, 'a') + "\"";
  const Strings left_out = of_parameters(many).left_out;
  EXPECT_EQ(left_out.size(), 17u);
  EXPECT_EQ(left_out.back(), "484 more");
  EXPECT_LT(left_out.front().size(), 60u);
}

TEST(ParametersTest, OtherTextsAreNone) {
  for (const char* text :
       {"", "a cat", "a cat\nNegative prompt: a dog", "a cat in Steps: 3", "{\"steps\": 3}"})
    EXPECT_FALSE(recipe_from_parameters(text)) << text;
  EXPECT_EQ(of_parameters("Steps: ").left_out, Strings{"Steps: "});
  EXPECT_EQ(of_parameters("Steps: 4, a: \"").left_out, Strings{"a: "});
  EXPECT_EQ(of_parameters("Steps: 4,,,:,: \\").generate.num_inference_steps, 4);
}

json comfy_node(const char* kind, json inputs) {
  return {{"class_type", kind}, {"inputs", std::move(inputs)}};
}

json comfy_graph() {
  return {
      {"3", comfy_node("KSampler", {{"seed", 42},
                                    {"steps", 20},
                                    {"cfg", 4.01},
                                    {"sampler_name", "dpmpp_2m"},
                                    {"scheduler", "sgm_uniform"},
                                    {"denoise", 1.0},
                                    {"model", {"13", 0}},
                                    {"positive", {"16", 0}},
                                    {"negative", {"40", 0}},
                                    {"latent_image", {"53", 0}}})},
      {"4", comfy_node("CheckpointLoaderSimple", {{"ckpt_name", "sd3.5_medium.safetensors"}})},
      {"8", comfy_node("VAEDecode", {{"samples", {"3", 0}}, {"vae", {"4", 2}}})},
      {"9", comfy_node("SaveImage", {{"filename_prefix", "ComfyUI"}, {"images", {"8", 0}}})},
      {"13", comfy_node("ModelSamplingSD3", {{"shift", 5.0}, {"model", {"14", 0}}})},
      {"14", comfy_node("SkipLayerGuidanceSD3", {{"layers", "7, 8, 9"},
                                                 {"scale", 3.0},
                                                 {"start_percent", 0.01},
                                                 {"end_percent", 0.15},
                                                 {"model", {"4", 0}}})},
      {"16", comfy_node("CLIPTextEncode", {{"text", "a cat"}, {"clip", {"4", 1}}})},
      {"40",
       comfy_node("CLIPTextEncodeSD3",
                  {{"clip_l", "blurry"}, {"clip_g", "blurry"}, {"t5xxl", {"41", 0}}, {"clip", {"4", 1}}})},
      {"41", comfy_node("PrimitiveString", {{"value", "a blurry picture"}})},
      {"53", comfy_node("EmptySD3LatentImage", {{"width", 1024}, {"height", 768}, {"batch_size", 1}})},
  };
}

Recipe of_graph(const json& graph) { return recipe_from_comfy_graph(graph.dump(), "a.png"); }

TEST(ComfyGraphTest, GivesWhatHasAMeaning) {
  const Recipe recipe = of_graph(comfy_graph());
  const GenerateOptions& options = recipe.generate;
  EXPECT_EQ(options.prompt, "a cat");
  EXPECT_FALSE(options.prompt_2 || options.prompt_3 || options.negative_prompt_2);
  EXPECT_EQ(options.negative_prompt, "blurry");
  EXPECT_EQ(options.negative_prompt_3, "a blurry picture");
  EXPECT_EQ(options.seed, 42u);
  EXPECT_EQ(options.num_inference_steps, 20);
  EXPECT_EQ(options.guidance_scale, 4.01);
  EXPECT_EQ(options.sampler, "dpm++2m");
  EXPECT_EQ(options.shift, 5);
  EXPECT_EQ(options.width, 1024);
  EXPECT_EQ(options.height, 768);
  EXPECT_EQ(options.skip_layer_guidance.layers, (std::vector<int>{7, 8, 9}));
  EXPECT_EQ(options.skip_layer_guidance.scale, 3);
  EXPECT_EQ(options.skip_layer_guidance.stop, 0.15);
  EXPECT_EQ(recipe.left_out, Strings{"CheckpointLoaderSimple: sd3.5_medium.safetensors"});
}

TEST(ComfyGraphTest, TheSamplerThatBeginsIsRead) {
  json graph = comfy_graph();
  json second = graph["3"];  // refines what the other one drew
  second["inputs"].update({{"seed", 1}, {"denoise", 0.4}, {"latent_image", {"3", 0}}});
  graph["1"] = second;
  graph["3"]["class_type"] = "KSamplerAdvanced";
  graph["3"]["inputs"].update(
      {{"noise_seed", {"60", 0}}, {"add_noise", "enable"}, {"start_at_step", 0}, {"end_at_step", 10}});
  graph["60"] = comfy_node("Seed", {{"value", 77}});
  const Recipe recipe = of_graph(graph);
  EXPECT_EQ(recipe.generate.seed, 77u);
  EXPECT_EQ(recipe.left_out, (Strings{"1 more samplers", "end_at_step: 10",
                                      "CheckpointLoaderSimple: sd3.5_medium.safetensors"}));
}

TEST(ComfyGraphTest, WhatHasNoMeaningIsSaid) {
  json graph = comfy_graph();
  graph["3"]["inputs"].update({{"sampler_name", "uni_pc"},
                               {"scheduler", "karras"},
                               {"denoise", 0.5},
                               {"latent_image", {"54", 0}},
                               {"model", {"30", 0}},
                               {"positive", {"31", 0}}});
  graph["54"] = comfy_node("VAEEncode", {{"pixels", {"55", 0}}});
  graph["30"] = comfy_node("LoraLoader", {{"lora_name", "style.safetensors"}, {"model", {"30", 0}}});
  // Its own negative input comes first, and is not meant.
  graph["31"] = comfy_node("ControlNetApplyAdvanced", {{"negative", {"40", 0}}, {"positive", {"16", 0}}});
  const Recipe recipe = of_graph(graph);
  EXPECT_EQ(recipe.generate.prompt, "a cat");
  EXPECT_FALSE(recipe.generate.sampler || recipe.generate.width || recipe.generate.shift);
  EXPECT_EQ(recipe.left_out, (Strings{"Sampler: uni_pc", "scheduler: karras", "denoise: 0.5", "VAEEncode",
                                      "LoraLoader: style.safetensors", "ControlNetApplyAdvanced"}));
}

TEST(ComfyGraphTest, DamagedGraphsEndOrAreNamed) {
  EXPECT_THROW(of_graph(json::object()), FileError);
  EXPECT_THROW(of_graph(json::array()), FileError);
  EXPECT_THROW(of_graph({{"3", 1}, {"4", {{"class_type", 7}}}}), FileError);
  EXPECT_THROW(recipe_from_comfy_graph("{\"3\": NaN}", "a.png"), FileError);
  // Whatever one value becomes, it is read.
  const json whole = comfy_graph();
  for (const auto& [id, node] : whole.items())
    for (const auto& [name, value] : node["inputs"].items())
      for (const json& other : {json(), json(-1), json("text"), json{"3", 0}, json{id, 0}, json{"nowhere", 0},
                                json{3, 0}, json::object()}) {
        json graph = whole;
        graph[id]["inputs"][name] = other;
        EXPECT_LT(of_graph(graph).left_out.size(), 18u);
      }
  json many = whole;  // all of them behind each other, and in circles
  for (int i = 100; i < 5000; ++i)
    many[std::to_string(i)] = comfy_node("Pass", {{"a", {std::to_string(i + 1), 0}}, {"b", {"100", 0}}});
  many["3"]["inputs"]["positive"] = {"100", 0};
  EXPECT_EQ(of_graph(many).left_out.size(), 17u);
}

TEST(ForeignPictureTest, ComfyIsReadWhereThereAreNoParameters) {
  Picture picture{1, 1, {0, 0, 0}, {{"prompt", comfy_graph().dump()}}};
  EXPECT_EQ(recipe_of(picture).generate.seed, 42u);
  picture.metadata.emplace_back("parameters", "a dog\nSteps: 3, Seed: 5");
  EXPECT_EQ(recipe_of(picture).generate.seed, 5u);
  picture.metadata.emplace_back("sd35", recipe_to_json({"m", {}, {}}));
  EXPECT_EQ(recipe_of(picture).model, "m");
  EXPECT_THROW(recipe_of({1, 1, {0, 0, 0}, {{"prompt", "a cat"}}}), FileError);
}

}  // namespace
}  // namespace sd35
