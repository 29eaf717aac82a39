// Our own API.
#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "serving/embedded.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/serving/dialects/asked.h"

namespace sd35::serving {
namespace {

using Json = nlohmann::json;

// The error of a job that is refused, as "status code field".
std::string refusal(Asked& asked, const std::string& body) {
  const Response response = asked.ask("POST", "/api/v1/jobs", body);
  const Json error = Json::parse(response.body).at("error");
  EXPECT_EQ(error.at("request_id"), "the-id");
  EXPECT_FALSE(error.at("message").get<std::string>().empty());
  return std::to_string(response.status) + " " + error.at("code").get<std::string>() + " " +
         (error.at("field").is_null() ? "-" : error.at("field").get<std::string>());
}

std::string png_text(int width, int height) {
  const Picture picture{
      width, height, std::vector<std::uint8_t>(static_cast<std::size_t>(3 * width * height), 200),
      {},    {},     {}};
  return base64_of(encode(picture, "png"));
}

TEST(OwnApi, DrawsWhatIsAskedFor) {
  Asked asked;
  const Response response =
      asked.ask("POST", "/api/v1/jobs", small_job(R"("seed": 7, "count": 2, "output_format": "webp")"));
  EXPECT_EQ(response.status, 202);
  const Json taken = Json::parse(response.body);
  const std::string id = taken.at("id"), self = taken.at("links").at("self");
  EXPECT_EQ(self, "/api/v1/jobs/" + id);
  EXPECT_EQ(taken.at("status"), "queued");
  EXPECT_EQ(taken.at("position"), 0);
  EXPECT_EQ(taken.at("seeds"), Json::array({7, 8}));
  EXPECT_TRUE(asked.jobs().draw_next());
  const Json done = asked.ask_json("GET", self);
  EXPECT_EQ(done.at("status"), "done");
  EXPECT_EQ(done.at("images").size(), 2u);
  EXPECT_EQ(done.at("images").at(1).at("seed"), 8);
  EXPECT_EQ(done.at("error"), nullptr);
  const Response image = asked.ask("GET", done.at("images").at(0).at("url"));
  EXPECT_EQ(image.headers.value("Content-Type"), "image/webp");
  const Recipe recipe = recipe_of(
      decode(std::span(reinterpret_cast<const std::uint8_t*>(image.body.data()), image.body.size())));
  EXPECT_EQ(recipe.generate.prompt, "a red cube");
  EXPECT_EQ(recipe.generate.seed, 7u);
  const std::string tag(image.headers.value("ETag"));
  EXPECT_EQ(asked.ask("GET", done.at("images").at(0).at("url"), "", {{"If-None-Match", tag}}).status, 304);
  EXPECT_EQ(asked.ask("GET", self + "/images/2").status, 404);
  EXPECT_EQ(asked.ask("GET", self + "/images/-1").status, 404);
  EXPECT_EQ(asked.ask_json("GET", "/api/v1/jobs").at("jobs").at(0).at("id"), id);
}

TEST(OwnApi, TellsWhatHappens) {
  Asked asked;
  const std::string self =
      asked.ask_json("POST", "/api/v1/jobs", small_job(R"("previews": true)")).at("links").at("self");
  const auto stream = asked.begin(Asked::request("GET", self + "/events"));
  EXPECT_EQ(stream->answer().headers.value("Content-Type"), "text/event-stream");
  EXPECT_EQ(stream->read(), "id: 1\nevent: queued\ndata: {\"position\":0}\n\n");
  EXPECT_EQ(asked.metrics().value("sd35_sse_subscribers"), 1);
  asked.jobs().draw_next();
  const std::string rest = stream->read();
  EXPECT_TRUE(rest.starts_with("id: 2\nevent: started\ndata: {}\n\n")) << rest;
  EXPECT_NE(
      rest.find(
          "event: preview\ndata: {\"picture\":0,\"step\":3,\"width\":8,\"height\":8,\"image\":\"data:image/jpeg;base64,"),
      rest.npos)
      << rest;
  EXPECT_NE(rest.find("event: done\n"), rest.npos);
  const auto again = asked.begin(Asked::request("GET", self + "/events", "", {{"Last-Event-ID", "2"}}));
  EXPECT_EQ(again->read().find("event: started"), std::string::npos);
  const auto late = asked.begin(Asked::request("GET", self + "/events", "", {{"Last-Event-ID", "9999"}}));
  EXPECT_EQ(late->read(), "");
}

TEST(OwnApi, CancelsMoreThanOnce) {
  Asked asked;
  const std::string self = asked.ask_json("POST", "/api/v1/jobs", small_job()).at("links").at("self");
  EXPECT_EQ(asked.ask_json("DELETE", self).at("status"), "cancelled");
  EXPECT_EQ(asked.ask_json("DELETE", self).at("status"), "cancelled");
  EXPECT_FALSE(asked.jobs().draw_next());
  EXPECT_EQ(asked.ask("DELETE", "/api/v1/jobs/j_nothing").status, 404);
}

TEST(OwnApi, RefusesByNameOfTheField) {
  Asked asked;
  EXPECT_EQ(refusal(asked, "{"), "400 invalid_json -");
  EXPECT_EQ(refusal(asked, "[]"), "400 invalid_json -");
  EXPECT_EQ(refusal(asked, "{\"prompt\": \"\xff\"}"), "400 invalid_json -");
  EXPECT_EQ(refusal(asked, std::string(20, '[') + std::string(20, ']')), "400 invalid_json -");
  EXPECT_EQ(refusal(asked, "{}"), "400 missing_field prompt");
  EXPECT_EQ(refusal(asked, R"({"prompt": 5})"), "400 invalid_value prompt");
  EXPECT_EQ(refusal(asked, R"({"promt": "a"})"), "400 unknown_field promt");
  EXPECT_EQ(refusal(asked, R"({"prompt": ")" + std::string(32'001, 'a') + "\"}"),
            "400 prompt_too_long prompt");
  EXPECT_EQ(refusal(asked, R"({"prompt": "a", "width": 500})"), "400 invalid_size width");
  EXPECT_EQ(refusal(asked, R"({"prompt": "a", "width": 1e30})"), "400 invalid_size width");
  EXPECT_EQ(refusal(asked, R"({"prompt": "a", "width": 64.5})"), "400 invalid_size width");
  EXPECT_EQ(refusal(asked, R"({"prompt": "a", "width": 16000, "height": 16000})"), "400 invalid_size width");
  EXPECT_EQ(refusal(asked, R"({"prompt": "a", "width": 1024, "height": 1024, "hires": {"scale": 2}})"),
            "400 invalid_value hires.scale");
  EXPECT_EQ(refusal(asked, R"({"prompt": "a", "num_inference_steps": 151})"),
            "400 invalid_value num_inference_steps");
  EXPECT_EQ(refusal(asked, R"({"prompt": "a", "count": 11})"), "400 invalid_value count");
  EXPECT_EQ(refusal(asked, R"({"prompt": "a", "count": 0})"), "400 invalid_value count");
  EXPECT_EQ(refusal(asked, R"({"prompt": "a", "seed": -1})"), "400 invalid_value seed");
  EXPECT_EQ(refusal(asked, R"({"prompt": "a", "sampler": "magic"})"), "400 invalid_value sampler");
  EXPECT_EQ(refusal(asked, R"({"prompt": "a", "output_format": "gif"})"), "400 invalid_value output_format");
  EXPECT_EQ(refusal(asked, R"({"prompt": "a", "model": "other"})"), "404 unknown_model model");
  EXPECT_EQ(refusal(asked, R"({"prompt": "a", "model": "../tiny"})"), "404 unknown_model model");
  EXPECT_EQ(refusal(asked, R"({"prompt": "a", "loras": [{"name": "../a"}]})"), "404 unknown_lora loras");
  EXPECT_EQ(refusal(asked, R"({"prompt": "a", "loras": [{"path": "/etc/passwd"}]})"),
            "400 invalid_value loras");
  EXPECT_EQ(refusal(asked, R"({"prompt": "a", "mask": ")" + png_text(4, 4) + "\"}").substr(0, 4), "400 ");
  asked.service().limits.pixels = 10'000;
  EXPECT_EQ(refusal(asked, R"({"prompt": "a", "width": 64, "height": 64, "hires": {"scale": 2}})"),
            "400 invalid_size width");
}

TEST(OwnApi, TakesNoPathsAndFetchesNothing) {
  Asked asked;
  EXPECT_EQ(refusal(asked, R"({"prompt": "a", "image": "/etc/passwd!"})"), "400 invalid_picture image");
  EXPECT_EQ(refusal(asked, R"({"prompt": "a", "image": "http://127.0.0.1/a.png"})"),
            "400 invalid_picture image");
  EXPECT_EQ(refusal(asked, R"({"prompt": "a", "image": "file:///etc/passwd"})"), "400 invalid_picture image");
  EXPECT_EQ(refusal(asked, R"({"prompt": "a", "init": {"picture": "/tmp/a.png"}})"),
            "400 unknown_field init.picture");
  EXPECT_EQ(refusal(asked, R"({"prompt": "a", "inpaint": {"mask": "/tmp/a.png"}})"),
            "400 unknown_field inpaint.mask");
  EXPECT_EQ(refusal(asked, R"({"prompt": "a", "edit": "/tmp/a.png"})"), "400 invalid_picture edit");
  EXPECT_EQ(refusal(asked, R"({"prompt": "a", "recipe_paths": true})"), "400 unknown_field recipe_paths");
  EXPECT_EQ(refusal(asked, R"({"prompt": "a", "prompt_cache": "/tmp"})"), "400 unknown_field prompt_cache");
}

TEST(OwnApi, BeginsWithAPicture) {
  Asked asked;
  const std::string image = png_text(64, 48);
  const Json taken = asked.ask_json(
      "POST", "/api/v1/jobs",
      R"({"prompt": "a", "num_inference_steps": 2, "strength": 0.5, "image": "data:image/png;base64,)" +
          image + R"(", "mask": ")" + image + "\"}");
  asked.jobs().draw_next();
  const Json done = asked.ask_json("GET", taken.at("links").at("self"));
  EXPECT_EQ(done.at("status"), "done") << done;
  EXPECT_EQ(done.at("images").at(0).at("height"), 48);
}

TEST(OwnApi, LooksAtTheSizeOfPicturesBeforeDecodingThem) {
  Asked asked;
  asked.service().limits.uploaded_side = 100;
  EXPECT_EQ(refusal(asked, R"({"prompt": "a", "image": ")" + png_text(112, 16) + "\"}"),
            "400 picture_too_large image");
  asked.service().limits.uploaded_pixels = 1000;
  EXPECT_EQ(refusal(asked, R"({"prompt": "a", "image": ")" + png_text(64, 64) + "\"}"),
            "400 picture_too_large image");
}

TEST(OwnApi, ReadsSettingsOutOfPictures) {
  Asked asked;
  asked.ask("POST", "/api/v1/jobs", small_job(R"("seed": 7, "guidance_scale": 2)"));
  asked.jobs().draw_next();
  const std::string url = asked.ask_json("GET", "/api/v1/jobs").at("jobs").at(0).at("images").at(0).at("url");
  const std::string picture = base64_of(asked.ask("GET", url).body);
  const Json settings = asked.ask_json("POST", "/api/v1/recipe", Json{{"image", picture}}.dump());
  EXPECT_EQ(settings.at("prompt"), "a red cube");
  EXPECT_EQ(settings.at("seed"), 7);
  EXPECT_EQ(settings.at("guidance_scale"), 2);
  EXPECT_EQ(settings.at("model"), "tiny");
  EXPECT_EQ(asked.ask("POST", "/api/v1/jobs", settings.dump()).status, 202);
  const Json none = asked.ask_json("POST", "/api/v1/recipe", Json{{"image", png_text(8, 8)}}.dump());
  EXPECT_EQ(none.at("error").at("code"), "no_recipe");
}

TEST(OwnApi, ListsWhatThereIs) {
  const TemporaryFolder folder;
  std::ofstream(folder / "ink.safetensors") << "x";
  Asked asked({}, {}, folder.path().string());
  const Json model = asked.ask_json("GET", "/api/v1/models").at("models").at(0);
  EXPECT_EQ(model.at("name"), "tiny");
  EXPECT_EQ(model.at("default"), true);
  EXPECT_EQ(model.at("loaded"), false);
  EXPECT_TRUE(model.at("defaults").at("width").is_number());
  EXPECT_EQ(asked.ask_json("GET", "/api/v1/loras").at("loras").at(0).at("name"), "ink");
  const Json capabilities = asked.ask_json("GET", "/api/v1/capabilities");
  EXPECT_EQ(capabilities.at("limits").at("max_count"), 10);
  EXPECT_EQ(capabilities.at("samplers").at(0), "euler");
  EXPECT_EQ(capabilities.at("version"), version());
}

TEST(OwnApi, SaysWhenTheQueueIsFull) {
  QueueLimits limits;
  limits.length = 1;
  Asked asked({}, limits);
  EXPECT_EQ(asked.ask("GET", "/readyz").status, 200);
  EXPECT_EQ(asked.ask("POST", "/api/v1/jobs", small_job()).status, 202);
  EXPECT_EQ(asked.ask("GET", "/readyz").status, 503);
  const Response full = asked.ask("POST", "/api/v1/jobs", small_job());
  EXPECT_EQ(full.status, 429);
  EXPECT_FALSE(full.headers.value("Retry-After").empty());
  asked.service().draining = true;
  EXPECT_EQ(asked.ask("GET", "/readyz").body, "draining\n");
  asked.jobs().stop(std::chrono::milliseconds(0));
  EXPECT_EQ(asked.ask("POST", "/api/v1/jobs", small_job()).status, 503);
}

TEST(Router, ChecksBeforeItReads) {
  AccessRules rules;
  rules.token = "secret";
  rules.origins = {"https://studio.example"};
  Asked asked(rules);
  const Headers token{{"Authorization", "Bearer secret"}};
  EXPECT_EQ(asked.ask("GET", "/api/v1/models", "", token).status, 200);
  const Response unknown = asked.ask("GET", "/api/v1/models");
  EXPECT_EQ(unknown.status, 401);
  EXPECT_EQ(unknown.headers.value("WWW-Authenticate"), "Bearer realm=\"sd35\"");
  EXPECT_EQ(asked.ask("GET", "/metrics").status, 401);
  EXPECT_EQ(asked.ask("GET", "/livez").status, 200);
  EXPECT_EQ(asked.ask("GET", "/readyz").status, 200);
  EXPECT_EQ(asked.ask("GET", "/nothing", "", token).status, 404);
  EXPECT_EQ(asked.ask("GET", "/api/v1/jobs/", "", token).status, 404);
  EXPECT_EQ(asked.ask("GET", "/api/v1/models", "", {{"Host", "evil.example"}}).status, 421);
  EXPECT_EQ(asked.ask("POST", "/api/v1/jobs", "{}", {{"Origin", "https://evil.example"}}).status, 403);
  const Response method = asked.ask("PUT", "/api/v1/jobs", "", token);
  EXPECT_EQ(method.status, 405);
  EXPECT_EQ(method.headers.value("Allow"), "POST, GET, HEAD, OPTIONS");
  EXPECT_EQ(asked.ask("HEAD", "/api/v1/models", "", token).status, 200);
  Headers form = token;
  form.add("Content-Type", "application/x-www-form-urlencoded");
  EXPECT_EQ(asked.ask("POST", "/api/v1/jobs", "prompt=a", form).status, 415);
}

TEST(Router, NamedOriginsMayReadAnswers) {
  AccessRules rules;
  rules.origins = {"https://studio.example"};
  Asked asked(rules);
  const Response named = asked.ask("GET", "/api/v1/models", "", {{"Origin", "https://studio.example"}});
  EXPECT_EQ(named.headers.value("Access-Control-Allow-Origin"), "https://studio.example");
  EXPECT_EQ(named.headers.value("Vary"), "Origin");
  EXPECT_EQ(named.headers.find("Access-Control-Allow-Credentials"), nullptr);
  const Response other = asked.ask("GET", "/api/v1/models", "", {{"Origin", "https://evil.example"}});
  EXPECT_EQ(other.headers.find("Access-Control-Allow-Origin"), nullptr);
  const Response preflight = asked.ask("OPTIONS", "/api/v1/jobs", "", {{"Origin", "https://studio.example"}});
  EXPECT_EQ(preflight.status, 204);
  EXPECT_NE(preflight.headers.find("Access-Control-Allow-Methods"), nullptr);
  EXPECT_EQ(asked.ask("OPTIONS", "/api/v1/jobs", "", {{"Origin", "https://evil.example"}})
                .headers.find("Access-Control-Allow-Methods"),
            nullptr);
  EXPECT_EQ(named.headers.value("X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(named.headers.value("Cache-Control"), "no-store");
  EXPECT_EQ(named.headers.value("X-Request-Id"), "the-id");
}

TEST(OpenApi, DescribesTheRoutesThatThereAre) {
  Asked asked;
  std::set<std::string> described, served;
  const Json document = Json::parse(openapi_json());
  for (const auto& [path, methods] : document.at("paths").items())
    for (const auto& [method, operation] : methods.items())
      if (method != "parameters") described.insert(method + " " + path);
  for (const Route& route : asked.router().routes()) {
    if (route.dialect != Dialect::own && route.dialect != Dialect::health) continue;
    std::string method = route.method;
    for (char& c : method) c = static_cast<char>(c - 'A' + 'a');
    served.insert(method + " " + route.pattern);
  }
  EXPECT_EQ(described, served);
  EXPECT_EQ(asked.ask("GET", "/openapi.json").body, openapi_json());
  EXPECT_EQ(document.at("info").at("version"), version());
}

}  // namespace
}  // namespace sd35::serving
