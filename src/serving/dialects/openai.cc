#include "serving/dialects/openai.h"

#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "serving/dialects/awaited_job.h"
#include "serving/dialects/json_body.h"
#include "serving/dialects/openai_request.h"
#include "serving/http/base64.h"
#include "serving/http/event_stream.h"

namespace sd35::serving {
namespace {

std::int64_t seconds_since_1970(Time time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

const char* type_of_error(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 429:
      return "rate_limit_error";
    default:
      return status >= 500 ? "server_error" : "invalid_request_error";
  }
}

JsonOut error_json(const RequestError& error) {
  return {{"message", error.what()},
          {"type", type_of_error(error.status())},
          {"param", error.field().empty() ? JsonOut() : JsonOut(error.field())},
          {"code", error.code()}};
}

Response openai_error(const RequestError& error, const Request& /*request*/) {
  Response response{
      error.status(), {{"Content-Type", "application/json"}}, to_line({{"error", error_json(error)}}) + "\n"};
  if (error.status() == 401) response.headers.set("WWW-Authenticate", "Bearer realm=\"sd35\"");
  // What will fail again the client should not send again.
  if (error.code() == "numeric_error" || error.code() == "out_of_memory")
    response.headers.set("x-should-retry", "false");
  return response;
}

// Why a job gave no pictures.
RequestError error_of(const JobState& state) {
  if (!state.error) return {400, "cancelled", "the job was cancelled"};
  return {state.error->status, state.error->code, state.error->message, state.error->field};
}

// What an answer tells besides pictures.
struct AnswerFacts {
  std::string size;
  std::string format;
  std::string quality;
  std::string links;  // in front of paths
  bool urls = false;
  std::int64_t text_tokens = 0;
};

JsonOut usage_json(const AnswerFacts& facts) {
  return {{"input_tokens", facts.text_tokens},
          {"output_tokens", 0},
          {"total_tokens", facts.text_tokens},
          {"input_tokens_details", {{"text_tokens", facts.text_tokens}, {"image_tokens", 0}}}};
}

AnswerFacts facts_of(const OpenAiRequest& asked, const Request& request, Service& service) {
  const GenerateOptions& options = asked.job.options;
  AnswerFacts facts;
  facts.size = std::to_string(*options.width) + "x" + std::to_string(*options.height);
  facts.format = asked.job.format;
  facts.quality = asked.quality;
  facts.links = service.public_url.empty() ? "http://" + std::string(request.headers.value("Host"))
                                           : service.public_url;
  facts.urls = asked.urls;
  facts.text_tokens = service.models.pipeline(asked.job.model)->t5_tokens(options.prompt);
  return facts;
}

JsonOut answer_json(const Job& job, const JobState& state, const AnswerFacts& facts) {
  JsonOut data = JsonOut::array();
  for (std::size_t i = 0; i < state.pictures.size(); ++i) {
    if (facts.urls)
      data.push_back({{"url", facts.links + "/api/v1/jobs/" + job.id() + "/images/" + std::to_string(i)}});
    else
      data.push_back({{"b64_json", base64_of(state.pictures[i]->bytes)}});
  }
  return {{"created", seconds_since_1970(state.created)},
          {"data", std::move(data)},
          {"size", facts.size},
          {"output_format", facts.format},
          {"background", "opaque"},
          {"usage", usage_json(facts)}};
}

// Server-sent events of one job.
class OpenAiFeed {
 public:
  OpenAiFeed(std::shared_ptr<Job> job, std::string kind, AnswerFacts facts)
      : job_(std::move(job)), reader_(job_, 0), kind_(std::move(kind)), facts_(std::move(facts)) {}

  void on_more(std::function<void()> wake) { reader_.on_more(std::move(wake)); }

  StreamPart next() {
    while (const auto event = reader_.next()) {
      if (event->kind == EventKind::partial) return {partial(*event), false};
      if (event->kind == EventKind::done) return {completed(), true};
      if (is_last(event->kind))
        return {
            event_text("error", to_line({{"type", "error"}, {"error", error_json(error_of(job_->state()))}})),
            true};
    }
    return {};
  }

 private:
  JsonOut picture_json(const std::string& type, const EncodedPicture& picture) const {
    return {{"type", type},
            {"b64_json", base64_of(picture.bytes)},
            {"created_at", seconds_since_1970(std::chrono::system_clock::now())},
            {"size", facts_.size},
            {"quality", facts_.quality},
            {"background", "opaque"},
            {"output_format", facts_.format}};
  }

  std::string partial(const JobEvent& event) const {
    JsonOut json = picture_json(kind_ + ".partial_image", *event.picture);
    json["partial_image_index"] = event.number;
    return event_text(kind_ + ".partial_image", to_line(json));
  }

  std::string completed() const {
    JsonOut json = picture_json(kind_ + ".completed", *job_->state().pictures.at(0));
    json["usage"] = usage_json(facts_);
    return event_text(kind_ + ".completed", to_line(json));
  }

  std::shared_ptr<Job> job_;
  EventReader reader_;
  std::string kind_;  // "image_generation", "image_edit"
  AnswerFacts facts_;
};

void answer_by_stream(const Call& call, Service& service, const std::shared_ptr<Job>& job, const char* kind,
                      AnswerFacts facts) {
  const auto feed = std::make_shared<OpenAiFeed>(job, kind, std::move(facts));
  cancel_with_client(*call.exchange, job, service.jobs);
  const std::function<void()> wake =
      call.exchange->stream(event_stream_head(), [feed] { return feed->next(); });
  feed->on_more(wake);
  wake();  // for what came in between
}

void answer_at_the_end(const Call& call, Service& service, const std::shared_ptr<Job>& job,
                       AnswerFacts facts) {
  const auto exchange = call.exchange;
  when_ended(
      exchange, job, service.jobs,
      [exchange, weak = std::weak_ptr(job), facts = std::move(facts)](const JobState& state) {
        const auto ended = weak.lock();
        if (state.status != JobStatus::done || !ended)
          return exchange->respond(openai_error(error_of(state), exchange->request()));
        exchange->respond(
            {200, {{"Content-Type", "application/json"}}, to_line(answer_json(*ended, state, facts)) + "\n"});
      });
}

void draw_images(const Call& call, Service& service, const OpenAiRequest& asked, const char* kind) {
  AnswerFacts facts = facts_of(asked, call.request(), service);
  const auto job = service.jobs.submit(asked.job);
  if (asked.stream)
    answer_by_stream(call, service, job, kind, std::move(facts));
  else
    answer_at_the_end(call, service, job, std::move(facts));
}

JsonOut model_json(const std::string& name, std::int64_t created) {
  return {{"id", name}, {"object", "model"}, {"created", created}, {"owned_by", "sd35"}};
}

}  // namespace

void add_openai_routes(Router& router, Service& service) {
  router.set_format(Dialect::openai, openai_error);
  const std::int64_t started = seconds_since_1970(std::chrono::system_clock::now());
  const auto add = [&](const char* method, const char* pattern, std::function<void(const Call&)> handle,
                       bool takes_a_while) {
    router.add({method, pattern, Dialect::openai, std::move(handle), false, takes_a_while});
  };
  add(
      "POST", "/v1/images/generations",
      [&](const Call& call) {
        draw_images(call, service, openai_generation(call.request(), service), "image_generation");
      },
      true);
  add(
      "POST", "/v1/images/edits",
      [&](const Call& call) {
        draw_images(call, service, openai_edit(call.request(), service), "image_edit");
      },
      true);
  add(
      "GET", "/v1/models",
      [&service, started](const Call& call) {
        JsonOut models = JsonOut::array();
        for (const std::string& name : service.models.names()) models.push_back(model_json(name, started));
        call.respond(200, to_line({{"object", "list"}, {"data", models}}) + "\n");
      },
      false);
  add(
      "GET", "/v1/models/{id}",
      [&service, started](const Call& call) {
        const std::string& name = call.parameter(0);
        if (!service.models.has(name))
          throw RequestError(404, "model_not_found", "there is no such model", "model");
        call.respond(200, to_line(model_json(name, started)) + "\n");
      },
      false);
}

}  // namespace sd35::serving
