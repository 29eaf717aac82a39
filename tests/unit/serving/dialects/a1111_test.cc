// The API of A1111's web UI.
#include <gtest/gtest.h>

#include <fstream>

#include "serving/dialects/a1111_request.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/serving/dialects/asked.h"

namespace sd35::serving {
namespace {

using Json = nlohmann::json;

constexpr const char* kTextToImage = "/sdapi/v1/txt2img";
constexpr const char* kImageToImage = "/sdapi/v1/img2img";

Json small(const Json& more = Json::object()) {
  Json body{{"prompt", "a red cube"}, {"width", 64}, {"height", 64}, {"steps", 3}, {"seed", 7},
            {"cfg_scale", 4.5}};
  body.update(more);
  return body;
}

Response draw_at(Asked& asked, const char* path, const Json& body) {
  const auto exchange = asked.begin(Asked::request("POST", path, body.dump()));
  asked.draw_until_idle();
  return exchange->answer();
}

// "422 steps", or "404 text".
std::string refusal_at(Asked& asked, const char* path, const Json& body) {
  const Response response = draw_at(asked, path, body);
  const Json detail = Json::parse(response.body).at("detail");
  return std::to_string(response.status) + " " +
         (detail.is_string() ? detail.get<std::string>() : detail.at(0).at("loc").at(1).get<std::string>());
}

std::string grey_png(int width, int height, std::uint8_t value) {
  const Picture picture{
      width, height, std::vector<std::uint8_t>(static_cast<std::size_t>(3 * width * height), value),
      {},    {},     {}};
  return base64_of(encode(picture, "png"));
}

Picture picture_in(const Json& answer, std::size_t index = 0) {
  const std::string bytes = base64_decoded(answer.at("images").at(index).get<std::string>()).value();
  return decode(std::span(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()));
}

TEST(A1111, DrawsAndTellsHow) {
  Asked asked;
  const Response response =
      draw_at(asked, kTextToImage,
              small({{"batch_size", 2}, {"sampler_name", "euler A"}, {"scheduler", "Automatic"}}));
  ASSERT_EQ(response.status, 200) << response.body;
  const Json answer = Json::parse(response.body);
  EXPECT_EQ(answer.at("images").size(), 2u);
  EXPECT_EQ(answer.at("parameters").at("steps"), 3);
  const Json info = Json::parse(answer.at("info").get<std::string>());
  EXPECT_EQ(info.at("all_seeds"), Json::array({7, 8}));
  EXPECT_EQ(info.at("sampler_name"), "Euler a");
  EXPECT_EQ(info.at("sd_model_name"), "tiny");
  EXPECT_NE(info.at("infotexts").at(0).get<std::string>().find("Steps: 3"), std::string::npos);
  EXPECT_EQ(picture_in(answer).width, 64);
  const Json read = Json::parse(
      draw_at(asked, "/sdapi/v1/png-info",
              {{"image", "data:image/png;base64," + answer.at("images").at(1).get<std::string>()}})
          .body);
  EXPECT_EQ(read.at("info"), info.at("infotexts").at(1));
  EXPECT_EQ(read.at("parameters").at("Seed"), 8);
}

TEST(A1111, DrawsWhatOurOwnApiDraws) {
  Asked asked;
  const Json answer = Json::parse(draw_at(asked, kTextToImage, small()).body);
  asked.ask(
      "POST", "/api/v1/jobs",
      R"({"prompt": "a red cube", "width": 64, "height": 64, "num_inference_steps": 3, "seed": 7, "guidance_scale": 4.5})");
  asked.draw_until_idle();
  const std::string url = asked.ask_json("GET", "/api/v1/jobs").at("jobs").at(0).at("images").at(0).at("url");
  EXPECT_EQ(base64_decoded(answer.at("images").at(0).get<std::string>()), asked.ask("GET", url).body);
}

TEST(A1111, WhatIsAbsentIsTheModelsChoice) {
  Asked asked;
  asked.begin(Asked::request("POST", kTextToImage, R"({"prompt": "a", "seed": -1})"));
  asked.router().wait();
  const GenerateOptions& options = asked.jobs().recent(1).front()->request().options;
  EXPECT_EQ(options.num_inference_steps, asked.models().defaults("tiny").num_inference_steps);
  EXPECT_EQ(options.width, asked.models().defaults("tiny").width);
  asked.jobs().stop(std::chrono::milliseconds(0));
}

TEST(A1111, RefusesWhatWouldSilentlyDiffer) {
  Asked asked;
  const auto of = [&](const Json& more) { return refusal_at(asked, kTextToImage, small(more)); };
  EXPECT_EQ(of({{"enable_hr", true}}), "422 enable_hr");
  EXPECT_EQ(of({{"script_name", "x/y/z plot"}}), "422 script_name");
  EXPECT_EQ(of({{"styles", {"ink"}}}), "422 styles");
  EXPECT_EQ(of({{"subseed_strength", 0.5}}), "422 subseed_strength");
  EXPECT_EQ(of({{"alwayson_scripts", {{"ControlNet", {{"args", {{{"model", "depth"}}}}}}}}}),
            "422 alwayson_scripts");
  EXPECT_EQ(of({{"sampler_name", "magic"}}), "400 Sampler not found");
  EXPECT_EQ(of({{"width", 500}}), "422 width");
  EXPECT_EQ(of({{"steps", 0}}), "422 steps");
  EXPECT_EQ(of({{"steps", 151}}), "422 steps");
  EXPECT_EQ(of({{"batch_size", 4}, {"n_iter", 4}}), "422 batch_size");
  EXPECT_EQ(of({{"prompt", "a <lora:nothing:1>"}}), "422 prompt");
  EXPECT_EQ(of({{"prompt", "a <lora:x:much>"}}), "422 prompt");
  EXPECT_EQ(of({{"override_settings", {{"sd_model_checkpoint", "other"}}}}),
            "404 there is no model 'other'; there are tiny");
  EXPECT_EQ(refusal_at(asked, kImageToImage, small()), "404 Init image not found");
  EXPECT_EQ(refusal_at(asked, kImageToImage, small({{"init_images", {"http://127.0.0.1/a.png"}}})),
            "422 init_images");
}

TEST(A1111, NeutralValuesPass) {
  Asked asked;
  const Json neutral{
      {"enable_hr", false},
      {"script_name", nullptr},
      {"styles", Json::array()},
      {"subseed", -1},
      {"subseed_strength", 0},
      {"restore_faces", false},
      {"tiling", false},
      {"eta", 1.0},
      {"s_churn", 0},
      {"script_args", Json::array()},
      {"alwayson_scripts", {{"ControlNet", {{"args", Json::array()}}}, {"ADetailer", {{"args", {false}}}}}},
      {"send_images", false},
      {"sampler_name", "DPM++ 2M SDE"},
      {"scheduler", "Karras"}};
  const Response response = draw_at(asked, kTextToImage, small(neutral));
  ASSERT_EQ(response.status, 200) << response.body;
  const Json answer = Json::parse(response.body);
  EXPECT_TRUE(answer.at("images").empty());
  EXPECT_EQ(Json::parse(answer.at("info").get<std::string>()).at("sampler_name"), "Euler");
  const std::string warnings = Json::parse(answer.at("info").get<std::string>()).at("warnings").dump();
  EXPECT_NE(warnings.find("DPM++ 2M SDE"), warnings.npos);
  EXPECT_NE(warnings.find("Karras"), warnings.npos);
}

TEST(A1111, BeginsWithPicturesAndPaintsWhatIsWhite) {
  Asked asked;
  const Json plain = Json::parse(
      draw_at(
          asked, kImageToImage,
          small({{"init_images", {grey_png(48, 64, 90)}}, {"denoising_strength", 0.5}, {"resize_mode", 1}}))
          .body);
  EXPECT_EQ(picture_in(plain).width, 64);
  EXPECT_EQ(plain.at("parameters").at("init_images"), nullptr);
  // A mask that is black everywhere paints nothing; inverted, everything.
  const Json kept = Json::parse(draw_at(asked, kImageToImage,
                                        small({{"init_images", {grey_png(64, 64, 90)}},
                                               {"mask", grey_png(32, 32, 255)},
                                               {"inpaint_full_res", false}}))
                                    .body);
  EXPECT_EQ(picture_in(kept).width, 64);
  const Json info = Json::parse(kept.at("info").get<std::string>());
  EXPECT_EQ(info.at("denoising_strength"), 0.75);
}

TEST(A1111, TellsOfProgressAndIsInterrupted) {
  Asked asked;
  EXPECT_EQ(asked.ask_json("GET", "/sdapi/v1/progress").at("state").at("job_count"), 0);
  const auto exchange = asked.begin(Asked::request(
      "POST", kTextToImage, small({{"steps", 100}, {"n_iter", 3}, {"width", 128}, {"height", 128}}).dump()));
  asked.router().wait();
  asked.jobs().start();
  Json progress;
  do progress = asked.ask_json("GET", "/sdapi/v1/progress");
  while (progress.at("current_image").is_null());
  EXPECT_GT(progress.at("progress"), 0);
  EXPECT_EQ(progress.at("state").at("job_count"), 1);
  EXPECT_EQ(progress.at("state").at("sampling_steps"), 100);
  EXPECT_EQ(asked.ask("POST", "/sdapi/v1/interrupt").body, "{}\n");
  const Response response = exchange->answer();
  EXPECT_EQ(response.status, 200);
  EXPECT_LT(Json::parse(response.body).at("images").size(), 3u);
  EXPECT_EQ(asked.ask_json("GET", "/sdapi/v1/progress").at("progress"), 0);
}

TEST(A1111, HasTheListsThatClientsAskFor) {
  const TemporaryFolder folder;
  std::ofstream(folder / "ink.safetensors") << "x";
  Asked asked({}, {}, folder.path().string());
  EXPECT_EQ(asked.ask_json("GET", "/sdapi/v1/sd-models").at(0).at("title"), "tiny");
  EXPECT_EQ(asked.ask_json("GET", "/sdapi/v1/samplers").at(1).at("name"), "Euler a");
  EXPECT_EQ(asked.ask_json("GET", "/sdapi/v1/loras").at(0).at("path"), "ink");
  EXPECT_EQ(asked.ask_json("GET", "/sdapi/v1/upscalers").at(0).at("name"), "None");
  EXPECT_GT(asked.ask_json("GET", "/sdapi/v1/memory").at("ram").at("total"), 0);
  for (const char* name : {"schedulers", "sd-vae", "hypernetworks", "embeddings", "scripts", "cmd-flags"})
    EXPECT_EQ(asked.ask("GET", "/sdapi/v1/" + std::string(name)).status, 200) << name;
  for (const char* name :
       {"refresh-checkpoints", "refresh-loras", "unload-checkpoint", "reload-checkpoint", "skip"})
    EXPECT_EQ(asked.ask("POST", "/sdapi/v1/" + std::string(name)).status, 200) << name;
  EXPECT_EQ(asked.ask_json("GET", "/sdapi/v1/options").at("sd_model_checkpoint"), "tiny");
  EXPECT_EQ(asked.ask("POST", "/sdapi/v1/options", R"({"sd_model_checkpoint": "tiny", "other": 1})").status,
            200);
  EXPECT_EQ(asked.ask("POST", "/sdapi/v1/options", R"({"sd_model_checkpoint": "none"})").status, 404);
}

TEST(A1111, LoraMarksAreTakenOut) {
  std::string prompt = "a <lora:ink:0.8> cat <lora:oil> <lora:x:1:0.5>";
  const std::vector<LoraMark> marks = take_lora_marks(prompt);
  ASSERT_EQ(marks.size(), 3u);
  EXPECT_EQ(marks[0].name, "ink");
  EXPECT_EQ(marks[0].weight, 0.8);
  EXPECT_EQ(marks[1].weight, 1);
  EXPECT_EQ(prompt, "a  cat");
  std::string open = "a <lora:ink";
  EXPECT_TRUE(take_lora_marks(open).empty());
  EXPECT_EQ(open, "a <lora:ink");
}

TEST(A1111, PasswordsAreTokens) {
  AccessRules rules;
  rules.token = "secret";
  Asked asked(rules);
  const Response refused = asked.ask("GET", "/sdapi/v1/options");
  EXPECT_EQ(refused.status, 401);
  EXPECT_EQ(refused.headers.value("WWW-Authenticate"), "Basic realm=\"sd35\"");
  EXPECT_TRUE(Json::parse(refused.body).contains("detail"));
  EXPECT_EQ(asked
                .ask("GET", "/sdapi/v1/options", "",
                     {{"Authorization", "Basic " + base64_of(std::string_view("me:secret"))}})
                .status,
            200);
}

}  // namespace
}  // namespace sd35::serving
