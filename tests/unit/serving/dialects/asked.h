// Requests to a router without any network.
#pragma once

#include <functional>
#include <future>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "serving/dialects/a1111.h"
#include "serving/dialects/openai.h"
#include "serving/dialects/own.h"
#include "serving/dialects/sdcpp.h"
#include "serving/http/base64.h"
#include "serving/jobs/drawing.h"
#include "serving/router.h"
#include "tests/support/tiny_model.h"

namespace sd35::serving {

// Remembers its answer.
class RecordedExchange : public Exchange {
 public:
  using Exchange::Exchange;

  void respond(Response response) override {
    if (std::exchange(answered_, true)) return;
    response_.set_value(std::move(response));
  }
  std::function<void()> stream(Response head, StreamSource source) override {
    source_ = std::move(source);
    respond(std::move(head));
    return [] {};
  }
  void on_disconnect(std::function<void()> callback) override { gone_ = std::move(callback); }

  Response answer() { return response_.get_future().get(); }
  // All that a stream gives until it has nothing more.
  std::string read() {
    std::string text;
    while (true) {
      const StreamPart part = source_();
      text += part.bytes;
      if (part.last || part.bytes.empty()) return text;
    }
  }
  void disconnect() const {
    if (gone_) gone_();
  }

 private:
  bool answered_ = false;
  std::promise<Response> response_;
  StreamSource source_;
  std::function<void()> gone_;
};

// A service with the tiny model, whose jobs are drawn where a test says so.
class Asked {
 public:
  explicit Asked(AccessRules rules = {}, QueueLimits limits = {}, const std::string& loras = "")
      : models_(config(loras), [](const std::string&) {}),
        jobs_(limits, hooks()),
        service_{models_, jobs_, metrics_},
        router_(service_, Access(std::move(rules))) {
    add_health_routes(router_, service_);
    add_own_routes(router_, service_);
    add_openai_routes(router_, service_);
    add_a1111_routes(router_, service_);
    add_sdcpp_routes(router_, service_);
  }
  ~Asked() { router_.stop(); }
  Asked(const Asked&) = delete;
  Asked& operator=(const Asked&) = delete;

  Models& models() { return models_; }
  JobQueue& jobs() { return jobs_; }
  Metrics& metrics() { return metrics_; }
  Service& service() { return service_; }
  Router& router() { return router_; }

  static Request request(const std::string& method, const std::string& path, const std::string& body = "",
                         Headers headers = {}) {
    Request request;
    request.method = method;
    request.path = path;
    request.body = body;
    request.headers = std::move(headers);
    request.id = "the-id";
    if (request.headers.find("Host") == nullptr) request.headers.add("Host", "localhost:7860");
    if (!body.empty() && request.headers.find("Content-Type") == nullptr)
      request.headers.add("Content-Type", "application/json");
    request.headers.add("Content-Length", std::to_string(body.size()));
    return request;
  }

  // As the server does it; of a request that waits for a job the answer comes later.
  std::shared_ptr<RecordedExchange> begin(Request request) {
    const std::optional<Response> refused = router_.gate(request);
    auto exchange = std::make_shared<RecordedExchange>(std::move(request));
    if (refused)
      exchange->respond(*refused);
    else
      router_.handle(exchange);
    return exchange;
  }
  Response ask(const std::string& method, const std::string& path, const std::string& body = "",
               Headers headers = {}) {
    Request asked = request(method, path, body, std::move(headers));
    Response response = begin(asked)->answer();
    router_.complete(asked, response);
    return response;
  }
  // Draws what is asked for, also by requests that are still being read.
  void draw_until_idle() {
    router_.wait();
    while (jobs_.draw_next()) continue;
  }
  nlohmann::json ask_json(const std::string& method, const std::string& path, const std::string& body = "") {
    return nlohmann::json::parse(ask(method, path, body).body);
  }

 private:
  static ModelsConfig config(const std::string& loras) {
    ModelsConfig config;
    config.models = {{"tiny", tiny_model().string()}};
    config.load.dtype = "f32";
    config.load.keep = "all";
    config.loras = loras;
    return config;
  }
  JobQueue::Hooks hooks() {
    JobQueue::Hooks hooks;
    hooks.draw = [this](Job& job) { draw(job, models_, metrics_); };
    hooks.explain = [this] { return explained(models_); };
    return hooks;
  }

  Models models_;
  Metrics metrics_;
  JobQueue jobs_;
  Service service_;
  Router router_;
};

// A small job of our own API, with more fields where a test has some: R"("count": 2)".
inline std::string small_job(const std::string& more = "") {
  return R"({"prompt": "a red cube", "width": 64, "height": 64, "num_inference_steps": 3, "max_sequence_length": 16)" +
         (more.empty() ? "" : ", " + more) + "}";
}

}  // namespace sd35::serving
