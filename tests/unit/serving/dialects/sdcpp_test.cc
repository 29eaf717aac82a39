// The job API of stable-diffusion.cpp's server.
#include <gtest/gtest.h>

#include "tests/unit/serving/dialects/asked.h"

namespace sd35::serving {
namespace {

using Json = nlohmann::json;

constexpr const char* kImages = "/sdcpp/v1/img_gen";

// As its own page sends it, but small.
Json page_body(const Json& more = Json::object()) {
  Json body = Json::parse(
      R"({"prompt": "a red cube", "negative_prompt": "", "clip_skip": -1, "width": 64, "height": 64, "strength": 0.75,
    "seed": 7, "batch_count": 1, "auto_resize_ref_image": true, "increase_ref_index": false, "control_strength": 0.9,
    "embed_image_metadata": true, "init_image": null, "ref_images": [], "mask_image": null, "control_image": null,
    "sample_params": {"scheduler": "discrete", "sample_method": "euler_a", "sample_steps": 3, "eta": 1.0, "shifted_timestep": 0,
      "custom_sigmas": [], "flow_shift": 0.0, "guidance": {"txt_cfg": 4.5, "img_cfg": 7.0, "distilled_guidance": 3.5,
      "slg": {"layers": [7, 8, 9], "layer_start": 0.01, "layer_end": 0.2, "scale": 0.0}}},
    "lora": [], "hires": {"enabled": false, "upscaler": "Latent", "scale": 2.0, "target_width": 0, "target_height": 0, "steps": 0,
      "denoising_strength": 0.7}, "vae_tiling_params": {"enabled": false}, "cache_mode": "disabled", "output_format": "png",
    "output_compression": 100})");
  body.merge_patch(more);
  return body;
}

std::string refusal_of(Asked& asked, const Json& body) {
  const Response response = asked.ask("POST", kImages, body.dump());
  return std::to_string(response.status) + " " + Json::parse(response.body).at("error").get<std::string>();
}

TEST(Sdcpp, DrawsWhatItsPageAsksFor) {
  Asked asked;
  const Response response = asked.ask("POST", kImages, page_body().dump());
  ASSERT_EQ(response.status, 202) << response.body;
  const Json taken = Json::parse(response.body);
  EXPECT_EQ(taken.at("kind"), "img_gen");
  const std::string poll = taken.at("poll_url");
  EXPECT_EQ(asked.ask_json("GET", poll).at("status"), "queued");
  asked.draw_until_idle();
  const Json done = asked.ask_json("GET", poll);
  EXPECT_EQ(done.at("status"), "completed");
  EXPECT_EQ(done.at("error"), nullptr);
  const std::string bytes =
      base64_decoded(done.at("result").at("images").at(0).at("b64_json").get<std::string>()).value();
  const Recipe recipe =
      recipe_of(decode(std::span(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size())));
  EXPECT_EQ(recipe.generate.sampler, "euler_a");
  EXPECT_EQ(recipe.generate.num_inference_steps, 3);
  EXPECT_EQ(recipe.generate.guidance_scale, 4.5);
  EXPECT_EQ(recipe.generate.seed, 7u);
  EXPECT_TRUE(recipe.generate.skip_layer_guidance.layers.empty());
}

TEST(Sdcpp, CancelsWhatWaitsAndWhatIsDrawn) {
  Asked asked;
  const Json waits = asked.ask_json("POST", kImages, page_body().dump());
  const std::string id = waits.at("id");
  EXPECT_EQ(asked.ask_json("POST", "/sdcpp/v1/jobs/" + id + "/cancel").at("error").at("code"), "cancelled");
  const Json drawn = asked.ask_json(
      "POST", kImages, page_body({{"batch_count", 10}, {"sample_params", {{"sample_steps", 150}}}}).dump());
  asked.jobs().start();
  const std::string poll = drawn.at("poll_url");
  while (asked.ask_json("GET", poll).at("progress").is_null()) continue;
  EXPECT_EQ(asked.ask("POST", poll + "/cancel").status, 200);
  while (asked.ask_json("GET", poll).at("status") == "generating") continue;
  EXPECT_EQ(asked.ask_json("GET", poll).at("status"), "cancelled");
}

TEST(Sdcpp, RefusesInItsWords) {
  Asked asked;
  EXPECT_EQ(asked.ask("GET", "/sdcpp/v1/jobs/nothing").status, 404);
  EXPECT_EQ(refusal_of(asked, page_body({{"width", 500}})), "400 invalid_size");
  EXPECT_EQ(refusal_of(asked, page_body({{"control_image", "aaaa"}})), "400 unsupported_field");
  EXPECT_EQ(refusal_of(asked, page_body({{"init_image", "http://127.0.0.1/a.png"}})), "400 invalid_picture");
  EXPECT_EQ(refusal_of(asked, page_body({{"lora", {{{"path", "../a"}}}}})), "404 unknown_lora");
  EXPECT_EQ(refusal_of(asked, page_body({{"sample_params", {{"sample_method", "magic"}}}})),
            "400 invalid_value");
  EXPECT_EQ(refusal_of(asked, page_body({{"hires", {{"enabled", true}, {"upscaler", "RealESRGAN"}}}})),
            "400 invalid_value");
  EXPECT_EQ(asked.ask("POST", kImages, "").status, 400);
}

TEST(Sdcpp, OptionsMeanTheSameHere) {
  Asked asked;
  const Json more{
      {"hires", {{"enabled", true}, {"scale", 1.5}, {"upscaler", "Lanczos"}}},
      {"sample_params", {{"flow_shift", 2.5}, {"guidance", {{"slg", {{"scale", 2.8}, {"layers", {1}}}}}}}},
      {"embed_image_metadata", false}};
  ASSERT_EQ(asked.ask("POST", kImages, page_body(more).dump()).status, 202);
  const GenerateOptions& options = asked.jobs().recent(1).front()->request().options;
  EXPECT_EQ(options.hires.scale, 1.5);
  EXPECT_EQ(options.hires.upscaler, "lanczos");
  EXPECT_EQ(options.hires.strength, 0.7);
  EXPECT_EQ(options.shift, 2.5);
  EXPECT_EQ(options.skip_layer_guidance.layers, std::vector<int>{1});
  EXPECT_FALSE(options.metadata);
}

TEST(Sdcpp, TellsWhatItCan) {
  Asked asked;
  const Json can = asked.ask_json("GET", "/sdcpp/v1/capabilities");
  EXPECT_EQ(can.at("current_mode"), "img_gen");
  EXPECT_EQ(can.at("features_by_mode").at("img_gen").at("cancel_generating"), true);
  EXPECT_EQ(can.at("defaults").at("sample_params").at("sample_method"), "euler");
  EXPECT_EQ(can.at("limits").at("max_queue_size"), 64);
  EXPECT_EQ(
      asked.ask("POST", kImages, page_body({{"width", can.at("limits").at("max_width")}}).dump()).status /
          100,
      4);
}

}  // namespace
}  // namespace sd35::serving
