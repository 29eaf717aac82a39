// OpenAI's images API.
#include <gtest/gtest.h>

#include "tests/unit/serving/dialects/asked.h"

namespace sd35::serving {
namespace {

using Json = nlohmann::json;

constexpr const char* kGenerations = "/v1/images/generations";
constexpr const char* kEdits = "/v1/images/edits";

std::string small_image(const std::string& more = "") {
  return R"({"prompt": "a red cube", "size": "64x64", "steps": 3, "max_sequence_length": 16, "seed": 7)" +
         (more.empty() ? "" : ", " + more) + "}";
}

Picture decoded(const std::string& text) {
  const std::string bytes = base64_decoded(text).value();
  return decode(std::span(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()));
}

std::string file_text(int width, int height) {
  const Picture picture{
      width, height, std::vector<std::uint8_t>(static_cast<std::size_t>(3 * width * height), 200),
      {},    {},     {}};
  const auto file = encode(picture, "png");
  return {file.begin(), file.end()};
}

// A PNG of 64 x 64 whose left half is transparent.
std::string half_transparent() {
  return base64_decoded(
             "iVBORw0KGgoAAAANSUhEUgAAAEAAAABACAYAAACqaXHeAAAAY0lEQVR42u3QAQkAAAwDoPUv/ccYA41gUnZlESBAgA"
             "ABAgQIECBAgAABAgQIECBAgAABAgQIECBAgAABAgQIECBAgAABAgQIECBAgAABAgQIECBAgAABAgQIECBAgAABAvYD"
             "Hsvx4dJEpGQOAAAAAElFTkSuQmCC")
      .value();
}

Response edit(Asked& asked, const std::string& parts) {
  const std::string body = parts + "--b--\r\n";
  const auto exchange = asked.begin(
      Asked::request("POST", kEdits, body, {{"Content-Type", "multipart/form-data; boundary=b"}}));
  asked.draw_until_idle();
  return exchange->answer();
}

std::string field(const std::string& name, const std::string& value) {
  return "--b\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n";
}
std::string file(const std::string& name, const std::string& value) {
  return "--b\r\nContent-Disposition: form-data; name=\"" + name +
         "\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\n" + value + "\r\n";
}

std::string refusal(const Response& response) {
  const Json error = Json::parse(response.body).at("error");
  return std::to_string(response.status) + " " + error.at("type").get<std::string>() + " " +
         (error.at("param").is_null() ? "-" : error.at("param").get<std::string>());
}

TEST(OpenAi, DrawsWhatOurOwnApiDraws) {
  Asked asked;
  asked.ask("POST", "/api/v1/jobs", small_job(R"("seed": 7)"));
  const auto exchange = asked.begin(Asked::request("POST", kGenerations, small_image()));
  asked.draw_until_idle();
  const Response response = exchange->answer();
  ASSERT_EQ(response.status, 200) << response.body;
  const Json answer = Json::parse(response.body);
  EXPECT_EQ(answer.at("size"), "64x64");
  EXPECT_EQ(answer.at("output_format"), "png");
  EXPECT_GT(answer.at("usage").at("input_tokens"), 0);
  EXPECT_FALSE(answer.contains("quality"));
  const std::string url = asked.ask_json("GET", "/api/v1/jobs").at("jobs").at(1).at("images").at(0).at("url");
  EXPECT_EQ(base64_decoded(answer.at("data").at(0).at("b64_json").get<std::string>()),
            asked.ask("GET", url).body);
}

TEST(OpenAi, GivesLinksWhereAskedTo) {
  Asked asked;
  const auto exchange = asked.begin(Asked::request(
      "POST", kGenerations, small_image(R"("n": 2, "response_format": "url", "output_format": "jpeg")")));
  asked.draw_until_idle();
  const Json data = Json::parse(exchange->answer().body).at("data");
  ASSERT_EQ(data.size(), 2u);
  const std::string url = data.at(1).at("url");
  ASSERT_TRUE(url.starts_with("http://localhost:7860/api/v1/jobs/j_")) << url;
  EXPECT_EQ(asked.ask("GET", url.substr(21)).headers.value("Content-Type"), "image/jpeg");
}

TEST(OpenAi, StreamsPartialPictures) {
  Asked asked;
  const auto exchange = asked.begin(
      Asked::request("POST", kGenerations, small_image(R"("stream": true, "partial_images": 2)")));
  asked.draw_until_idle();
  EXPECT_EQ(exchange->answer().headers.value("Content-Type"), "text/event-stream");
  const std::string events = exchange->read();
  EXPECT_TRUE(events.starts_with(
      "event: image_generation.partial_image\ndata: {\"type\":\"image_generation.partial_image\",\"b64_json\":"))
      << events.substr(0, 200);
  EXPECT_NE(events.find("\"partial_image_index\":1"), events.npos);
  EXPECT_EQ(events.find("\"partial_image_index\":2"), events.npos);
  const std::size_t end = events.find("event: image_generation.completed\ndata: ");
  ASSERT_NE(end, events.npos);
  const Json completed = Json::parse(events.substr(events.find('{', end)));
  EXPECT_EQ(decoded(completed.at("b64_json")).width, 64);
  EXPECT_EQ(completed.at("quality"), "auto");
}

TEST(OpenAi, ClientsThatGoAwayCancel) {
  Asked asked;
  const auto exchange = asked.begin(Asked::request("POST", kGenerations, small_image()));
  while (asked.jobs().recent(1).empty()) std::this_thread::yield();
  const auto job = asked.jobs().recent(1).front();
  while (job->state().status == JobStatus::queued) exchange->disconnect();
  EXPECT_EQ(job->state().status, JobStatus::cancelled);
}

TEST(OpenAi, ForeignModelsAreTheDefaultOne) {
  Asked asked;
  for (const char* name : {"gpt-image-1", "dall-e-3", "tiny"}) {
    const auto exchange = asked.begin(
        Asked::request("POST", kGenerations, small_image(R"("model": ")" + std::string(name) + "\"")));
    asked.draw_until_idle();
    EXPECT_EQ(exchange->answer().status, 200) << name;
  }
  EXPECT_EQ(refusal(asked.ask("POST", kGenerations, small_image(R"("model": "other")"))),
            "404 not_found_error model");
  EXPECT_EQ(asked.ask_json("GET", "/v1/models").at("data").at(0).at("id"), "tiny");
  EXPECT_EQ(asked.ask_json("GET", "/v1/models/tiny").at("object"), "model");
  EXPECT_EQ(asked.ask("GET", "/v1/models/other").status, 404);
}

TEST(OpenAi, RefusesInItsWords) {
  AccessRules rules;
  Asked asked(rules);
  const auto of = [&](const std::string& more) {
    return refusal(asked.ask("POST", kGenerations, R"({"prompt": "a")" + more + "}"));
  };
  EXPECT_EQ(refusal(asked.ask("POST", kGenerations, "{}")), "400 invalid_request_error prompt");
  EXPECT_EQ(of(R"(, "n": 0)"), "400 invalid_request_error n");
  EXPECT_EQ(of(R"(, "n": 11)"), "400 invalid_request_error n");
  EXPECT_EQ(of(R"(, "n": 2, "stream": true)"), "400 invalid_request_error n");
  EXPECT_EQ(of(R"(, "size": "500x500")"), "400 invalid_request_error size");
  EXPECT_EQ(of(R"(, "size": "64")"), "400 invalid_request_error size");
  EXPECT_EQ(of(R"(, "size": "99999999999x64")"), "400 invalid_request_error size");
  EXPECT_EQ(of(R"(, "output_format": "gif")"), "400 invalid_request_error output_format");
  EXPECT_EQ(of(R"(, "background": "transparent")"), "400 invalid_request_error background");
  EXPECT_EQ(of(R"(, "partial_images": 4)"), "400 invalid_request_error partial_images");
  EXPECT_EQ(of(R"(, "seed": 1.5)"), "400 invalid_request_error seed");
  rules.token = "secret";
  Asked locked(rules);
  EXPECT_EQ(refusal(locked.ask("GET", "/v1/models")), "401 authentication_error -");
}

TEST(OpenAi, IgnoresWhatHasNoEffectHere) {
  Asked asked;
  const auto exchange = asked.begin(Asked::request(
      "POST", kGenerations,
      small_image(
          R"("quality": "hd", "style": "vivid", "user": "me", "moderation": "low", "background": "auto", "anything": [1])")));
  asked.draw_until_idle();
  EXPECT_EQ(exchange->answer().status, 200);
}

TEST(OpenAi, LowQualityHasHalfTheSteps) {
  Asked asked;
  asked.begin(Asked::request("POST", kGenerations, R"({"prompt": "a", "size": "64x64", "quality": "low"})"));
  while (asked.jobs().recent(1).empty()) std::this_thread::yield();
  EXPECT_EQ(asked.jobs().recent(1).front()->request().options.num_inference_steps.value(),
            asked.models().defaults("tiny").num_inference_steps.value() / 2);
}

TEST(OpenAi, EditsWhatIsTransparent) {
  Asked asked;
  const std::string text = field("prompt", "a cat") + field("steps", "2") + field("seed", "3") +
                           field("max_sequence_length", "16");
  const Response plain = edit(asked, text + file("image", file_text(64, 48)));
  ASSERT_EQ(plain.status, 200) << plain.body;
  EXPECT_EQ(Json::parse(plain.body).at("size"), "64x48");
  const Response masked =
      edit(asked, text + file("image[]", file_text(64, 64)) + file("mask", half_transparent()));
  ASSERT_EQ(masked.status, 200) << masked.body;
  const Picture picture = decoded(Json::parse(masked.body).at("data").at(0).at("b64_json"));
  EXPECT_EQ(picture.rgb.at(3 * 63), 200);  // what is not transparent stays
  EXPECT_EQ(refusal(edit(asked, text + file("image", file_text(64, 64)) + file("mask", file_text(64, 64)))),
            "400 invalid_request_error mask");
  EXPECT_EQ(refusal(edit(asked, text)), "400 invalid_request_error image");
  EXPECT_EQ(refusal(edit(asked, text + file("image", "no picture"))), "400 invalid_request_error image");
  EXPECT_EQ(
      refusal(edit(asked, text + file("image[]", file_text(64, 64)) + file("image[]", file_text(64, 64)))),
      "400 invalid_request_error image");
  EXPECT_EQ(refusal(edit(asked, field("n", "two") + text + file("image", file_text(64, 64)))),
            "400 invalid_request_error n");
  EXPECT_EQ(asked.ask("POST", kEdits, "{}").status, 400);
}

}  // namespace
}  // namespace sd35::serving
