#include "serving/dialects/own_answers.h"

#include <nlohmann/json.hpp>

#include "options/options.h"
#include "serving/dialects/json_body.h"
#include "serving/http/base64.h"
#include "serving/http/event_stream.h"

namespace sd35::serving {
namespace {

double seconds_of(Time time) { return std::chrono::duration<double>(time.time_since_epoch()).count(); }

JsonOut time_json(const std::optional<Time>& time) { return time ? JsonOut(seconds_of(*time)) : JsonOut(); }

JsonOut progress_json(const JobProgress& progress) {
  return {{"stage", progress.stage},
          {"picture", progress.picture},
          {"step", progress.step},
          {"steps", progress.steps},
          {"fraction", progress.whole},
          {"eta_seconds", progress.eta_seconds ? JsonOut(*progress.eta_seconds) : JsonOut()}};
}

JsonOut error_json(const JobError& error) {
  return {{"code", error.code},
          {"message", error.message},
          {"field", error.field.empty() ? JsonOut() : JsonOut(error.field)}};
}

JsonOut images_json(const Job& job, const JobState& state) {
  JsonOut images = JsonOut::array();
  for (std::size_t i = 0; i < state.pictures.size(); ++i)
    images.push_back({{"url", "/api/v1/jobs/" + job.id() + "/images/" + std::to_string(i)},
                      {"width", state.pictures[i]->width},
                      {"height", state.pictures[i]->height},
                      {"seed", state.pictures[i]->seed}});
  return images;
}

JsonOut preview_json(const JobEvent& event) {
  return {{"picture", event.progress.picture},
          {"step", event.progress.step},
          {"width", event.picture->width},
          {"height", event.picture->height},
          {"image", "data:image/jpeg;base64," + base64_of(event.picture->bytes)}};
}

JsonOut event_json(const Job& job, const JobEvent& event) {
  switch (event.kind) {
    case EventKind::queued:
      return {{"position", event.position}};
    case EventKind::progress:
      return progress_json(event.progress);
    case EventKind::preview:
      return preview_json(event);
    case EventKind::warning:
      return {{"message", event.text}};
    case EventKind::done:
    case EventKind::cancelled:
      return {{"id", job.id()}, {"images", images_json(job, job.state())}};
    case EventKind::failed: {
      const JobState state = job.state();
      return {
          {"id", job.id()}, {"error", error_json(state.error.value())}, {"images", images_json(job, state)}};
    }
    default:
      return JsonOut::object();
  }
}

}  // namespace

std::string content_type_of(const std::string& format) { return "image/" + format; }

Response own_error(const RequestError& error, const Request& request) {
  const JsonOut body{{"error",
                      {{"code", error.code()},
                       {"message", error.what()},
                       {"field", error.field().empty() ? JsonOut() : JsonOut(error.field())},
                       {"request_id", request.id}}}};
  Response response{error.status(), {{"Content-Type", "application/json"}}, to_line(body) + "\n"};
  if (error.status() == 401) response.headers.set("WWW-Authenticate", "Bearer realm=\"sd35\"");
  return response;
}

JsonOut own_state(const Job& job) {
  const JobState state = job.state();
  JsonOut seeds = JsonOut::array();
  const GenerateOptions& options = job.request().options;
  for (int i = 0; i < options.count; ++i) seeds.push_back(options.seed + static_cast<std::uint64_t>(i));
  const std::string self = "/api/v1/jobs/" + job.id();
  return {{"id", job.id()},
          {"status", name_of(state.status)},
          {"position", state.position},
          {"progress", state.progress ? progress_json(*state.progress) : JsonOut()},
          {"seeds", seeds},
          {"warnings", state.warnings},
          {"images", images_json(job, state)},
          {"error", state.error ? error_json(*state.error) : JsonOut()},
          {"created", seconds_of(state.created)},
          {"started", time_json(state.started)},
          {"finished", time_json(state.finished)},
          {"links", {{"self", self}, {"events", self + "/events"}}}};
}

std::string own_event(const Job& job, const JobEvent& event) {
  if (event.kind == EventKind::partial) return "";
  return event_text(name_of(event.kind), to_line(event_json(job, event)), event.id);
}

JsonOut own_models(const Service& service) {
  JsonOut models = JsonOut::array();
  for (const std::string& name : service.models.names()) {
    const GenerateOptions& defaults = service.models.defaults(name);
    models.push_back({{"name", name},
                      {"default", name == service.models.default_name()},
                      {"loaded", service.models.is_loaded(name)},
                      {"defaults",
                       {{"width", defaults.width.value()},
                        {"height", defaults.height.value()},
                        {"num_inference_steps", defaults.num_inference_steps.value()},
                        {"guidance_scale", defaults.guidance_scale.value()},
                        {"sampler", defaults.sampler.value()}}}});
  }
  return {{"models", models}};
}

JsonOut own_loras(const Service& service) {
  JsonOut loras = JsonOut::array();
  for (const std::string& name : service.models.loras()) loras.push_back({{"name", name}});
  return {{"loras", loras}};
}

std::vector<std::string> sampler_names() {
  std::vector<std::string> names;
  visit_defaults<GenerateOptions>([&](const Option& option, const auto& /*value*/) {
    if (option.name != "sampler") return;
    for (const OptionChoice& choice : option.choices) names.emplace_back(choice.name);
  });
  return names;
}

JsonOut own_capabilities(const Service& service) {
  const RequestLimits& limits = service.limits;
  return {{"version", version()},
          {"default_model", service.models.default_name()},
          {"limits",
           {{"max_pixels", limits.pixels},
            {"max_steps", limits.steps},
            {"max_count", limits.count},
            {"max_body", limits.body_bytes},
            {"max_prompt", limits.prompt_characters}}},
          {"samplers", sampler_names()},
          {"output_formats", {"png", "jpeg", "webp"}}};
}

}  // namespace sd35::serving
