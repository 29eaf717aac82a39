#include "serving/dialects/own.h"

#include <charconv>
#include <memory>
#include <nlohmann/json.hpp>

#include "core/hash128.h"
#include "serving/dialects/json_body.h"
#include "serving/dialects/own_answers.h"
#include "serving/dialects/own_request.h"
#include "serving/dialects/pictures_in.h"
#include "serving/embedded.h"
#include "serving/http/event_stream.h"

namespace sd35::serving {
namespace {

constexpr std::size_t kMostListed = 100;

void respond(const Call& call, int status, const JsonOut& json) {
  call.respond(status, to_line(json) + "\n");
}

std::shared_ptr<Job> job_of(const Call& call, Service& service) {
  const std::shared_ptr<Job> job = service.jobs.find(call.parameter(0));
  if (!job) throw RequestError(404, "unknown_job", "there is no such job, or no more");
  return job;
}

void submit(const Call& call, Service& service) {
  const auto job = service.jobs.submit(own_job(parse_body(call.request().body), service));
  respond(call, 202, own_state(*job));
}

void list(const Call& call, Service& service) {
  JsonOut jobs = JsonOut::array();
  for (const auto& job : service.jobs.recent(kMostListed)) jobs.push_back(own_state(*job));
  respond(call, 200, {{"jobs", jobs}});
}

void cancel(const Call& call, Service& service) {
  const auto job = job_of(call, service);
  service.jobs.cancel(job);
  respond(call, 200, own_state(*job));
}

// A stream of one job's events, and what it counts.
struct EventFeed {
  EventFeed(std::shared_ptr<Job> of, std::uint64_t after, Metrics& to)
      : job(std::move(of)), reader(job, after), metrics(to) {
    metrics.add("sd35_sse_subscribers");
  }
  ~EventFeed() {
    metrics.add("sd35_sse_subscribers", {}, -1);
    metrics.add("sd35_previews_dropped_total", {}, reader.missed_previews());
  }
  EventFeed(const EventFeed&) = delete;
  EventFeed& operator=(const EventFeed&) = delete;

  StreamPart next() {
    while (const auto event = reader.next()) {
      const std::string text = own_event(*job, *event);
      if (!text.empty()) return {text, is_last(event->kind)};
    }
    // One who goes on after the last event gets none, and should not wait for one.
    return {"", job->state().ended()};
  }

  std::shared_ptr<Job> job;
  EventReader reader;
  Metrics& metrics;
};

void stream_events(const Call& call, Service& service) {
  const auto feed =
      std::make_shared<EventFeed>(job_of(call, service), last_event_id(call.request()), service.metrics);
  const std::function<void()> wake =
      call.exchange->stream(event_stream_head(), [feed] { return feed->next(); });
  feed->reader.on_more(wake);
  wake();  // for what came in between
}

void send_image(const Call& call, Service& service) {
  const auto job = job_of(call, service);
  const std::vector<EncodedPicturePointer> pictures = job->state().pictures;
  const std::string& text = call.parameter(1);
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
  if (error != std::errc() || end != text.data() + text.size() || index >= pictures.size())
    throw RequestError(404, "unknown_image", "the job has no such picture, or not yet");
  const EncodedPicture& picture = *pictures[index];
  const std::string tag = "\"" + hash128(picture.bytes).hex() + "\"";
  Headers headers{{"ETag", tag}, {"Cache-Control", "private, max-age=600"}};
  if (lists(call.request().headers.value("If-None-Match"), tag))
    return call.exchange->respond({304, headers, ""});
  headers.add("Content-Type", content_type_of(picture.format));
  headers.add("Content-Disposition",
              "inline; filename=\"" + std::to_string(picture.seed) + "." + picture.format + "\"");
  call.exchange->respond({200, headers, picture.bytes});
}

void read_recipe_of_picture(const Call& call, Service& service) {
  const auto text = text_field(parse_body(call.request().body), "image");
  if (!text) throw RequestError(400, "missing_field", "image is missing", "image");
  const Picture picture = picture_of_text(*text, "image", service.limits);
  Recipe recipe;
  try {
    recipe = recipe_of(picture, "image");
  } catch (const FileError& error) {
    throw RequestError(400, "no_recipe", error.what(), "image");
  }
  respond(call, 200, own_body_of(recipe, service));
}

}  // namespace

void add_own_routes(Router& router, Service& service) {
  router.set_format(Dialect::own, own_error);
  const auto add = [&](const char* method, const char* pattern, void (*handle)(const Call&, Service&),
                       bool takes_a_while = false) {
    router.add({method, pattern, Dialect::own,
                [&service, handle](const Call& call) { handle(call, service); }, false, takes_a_while});
  };
  add("POST", "/api/v1/jobs", submit, true);
  add("GET", "/api/v1/jobs", list);
  add("GET", "/api/v1/jobs/{id}",
      [](const Call& call, Service& s) { respond(call, 200, own_state(*job_of(call, s))); });
  add("DELETE", "/api/v1/jobs/{id}", cancel);
  add("GET", "/api/v1/jobs/{id}/events", stream_events);
  add("GET", "/api/v1/jobs/{id}/images/{n}", send_image);
  add("GET", "/api/v1/models", [](const Call& call, Service& s) { respond(call, 200, own_models(s)); });
  add("GET", "/api/v1/loras", [](const Call& call, Service& s) {
    s.models.refresh_loras();
    respond(call, 200, own_loras(s));
  });
  add("GET", "/api/v1/capabilities",
      [](const Call& call, Service& s) { respond(call, 200, own_capabilities(s)); });
  add("POST", "/api/v1/recipe", read_recipe_of_picture, true);
  router.add({"GET", "/openapi.json", Dialect::own,
              [](const Call& call) { call.respond(200, std::string(openapi_json())); }, true});
}

void add_health_routes(Router& router, Service& service) {
  const auto text = [](const Call& call, int status, std::string body) {
    call.exchange->respond({status, {{"Content-Type", "text/plain; charset=utf-8"}}, std::move(body)});
  };
  router.add({"GET", "/livez", Dialect::health, [text](const Call& call) { text(call, 200, "ok\n"); }, true});
  router.add({"GET", "/readyz", Dialect::health,
              [text, &service](const Call& call) {
                if (service.draining) return text(call, 503, "draining\n");
                if (!service.jobs.has_room()) return text(call, 503, "the queue is full\n");
                text(call, 200, "ok\n");
              },
              true});
  router.add({"GET", "/metrics", Dialect::health, [&service](const Call& call) {
                service.metrics.set("sd35_queue_length", static_cast<double>(service.jobs.waiting()));
                service.metrics.set("sd35_models_loaded", service.models.loaded());
                call.exchange->respond({200,
                                        {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}},
                                        service.metrics.text()});
              }});
}

}  // namespace sd35::serving
