#include "serving/dialects/sdcpp.h"

#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>

#include "serving/dialects/json_body.h"
#include "serving/dialects/own_answers.h"
#include "serving/dialects/sdcpp_request.h"
#include "serving/http/base64.h"

namespace sd35::serving {
namespace {

Response sdcpp_error(const RequestError& error, const Request& /*request*/) {
  Response response{error.status(),
                    {{"Content-Type", "application/json"}},
                    to_line({{"error", error.code()}, {"message", error.what()}}) + "\n"};
  if (error.status() == 401) response.headers.set("WWW-Authenticate", "Bearer realm=\"sd35\"");
  return response;
}

const char* sdcpp_status(JobStatus status) {
  if (status == JobStatus::running) return "generating";
  return status == JobStatus::done ? "completed" : name_of(status);
}

JsonOut whole_seconds(const std::optional<Time>& time) {
  if (!time) return nullptr;
  return std::chrono::duration_cast<std::chrono::seconds>(time->time_since_epoch()).count();
}

JsonOut result_json(const Job& job, const JobState& state) {
  if (state.status != JobStatus::done) return nullptr;
  JsonOut images = JsonOut::array();
  for (std::size_t i = 0; i < state.pictures.size(); ++i)
    images.push_back(
        {{"index", i}, {"b64_json", base64_of(state.pictures[i]->bytes)}, {"seed", state.pictures[i]->seed}});
  return {{"output_format", job.request().format}, {"images", images}};
}

JsonOut reason_json(const JobState& state) {
  if (state.status == JobStatus::cancelled)
    return {{"code", "cancelled"}, {"message", "the job was cancelled"}};
  if (!state.error) return nullptr;
  return {{"code", state.error->code}, {"message", state.error->message}};
}

// With the steps of a job in progress, which the other server does not tell.
JsonOut job_json(const Job& job) {
  const JobState state = job.state();
  JsonOut progress;
  if (state.progress && !state.ended())
    progress = {{"step", state.progress->step},
                {"steps", state.progress->steps},
                {"fraction", state.progress->whole}};
  return {{"id", job.id()},
          {"kind", "img_gen"},
          {"status", sdcpp_status(state.status)},
          {"created", whole_seconds(state.created)},
          {"started", whole_seconds(state.started)},
          {"completed", whole_seconds(state.finished)},
          {"queue_position", state.position},
          {"progress", progress},
          {"result", result_json(job, state)},
          {"error", reason_json(state)}};
}

JsonOut defaults_json(const GenerateOptions& own) {
  return {{"prompt", ""},
          {"negative_prompt", ""},
          {"width", own.width.value()},
          {"height", own.height.value()},
          {"strength", 0.75},
          {"seed", -1},
          {"batch_count", 1},
          {"sample_params",
           {{"scheduler", "discrete"},
            {"sample_method", own.sampler.value()},
            {"sample_steps", own.num_inference_steps.value()},
            {"guidance",
             {{"txt_cfg", own.guidance_scale.value()},
              {"slg", {{"layers", JsonOut::array()}, {"scale", 0.0}}}}}}},
          {"output_format", "png"},
          {"output_compression", 95}};
}

JsonOut features_json() {
  return {
      {"init_image", true}, {"mask_image", true},    {"control_image", false},   {"ip_adapter_image", false},
      {"ref_images", true}, {"lora", true},          {"vae_tiling", true},       {"hires", true},
      {"cache", false},     {"cancel_queued", true}, {"cancel_generating", true}};
}

JsonOut capabilities(const Service& service) {
  const std::string& model = service.models.default_name();
  const JsonOut defaults = defaults_json(service.models.defaults(model)), formats{"png", "jpeg", "webp"};
  JsonOut loras = JsonOut::array();
  for (const std::string& name : service.models.loras()) loras.push_back({{"name", name}, {"path", name}});
  // The longest side that the limit of pixels leaves beside the shortest.
  const std::uint64_t longest = service.limits.pixels / 64 / 16 * 16;
  return {{"model", {{"name", model}, {"stem", model}, {"path", model}}},
          {"current_mode", "img_gen"},
          {"supported_modes", {"img_gen"}},
          {"defaults", defaults},
          {"output_formats", formats},
          {"features", features_json()},
          {"defaults_by_mode", {{"img_gen", defaults}}},
          {"output_formats_by_mode", {{"img_gen", formats}}},
          {"features_by_mode", {{"img_gen", features_json()}}},
          {"samplers", sampler_names()},
          {"schedulers", {"discrete"}},
          {"loras", loras},
          {"upscalers", {{{"name", "None"}}, {{"name", "Lanczos"}}, {{"name", "Latent"}}}},
          {"limits",
           {{"min_width", 64},
            {"max_width", longest},
            {"min_height", 64},
            {"max_height", longest},
            {"max_batch_count", service.limits.count},
            {"max_queue_size", service.jobs.most_waiting()}}}};
}

std::shared_ptr<Job> sdcpp_job_of(const Call& call, Service& service) {
  const auto job = service.jobs.find(call.parameter(0));
  if (!job) throw RequestError(404, "job not found", "there is no such job, or no more");
  return job;
}

void submit_sdcpp(const Call& call, Service& service) {
  const auto job = service.jobs.submit(sdcpp_job(parse_body(call.request().body), service));
  call.respond(202, to_line({{"id", job->id()},
                             {"kind", "img_gen"},
                             {"status", sdcpp_status(job->state().status)},
                             {"created", whole_seconds(job->state().created)},
                             {"poll_url", "/sdcpp/v1/jobs/" + job->id()}}) +
                        "\n");
}

}  // namespace

void add_sdcpp_routes(Router& router, Service& service) {
  router.set_format(Dialect::sdcpp, sdcpp_error);
  const auto add = [&](const char* method, const char* pattern, std::function<void(const Call&)> handle,
                       bool takes_a_while) {
    router.add({method, pattern, Dialect::sdcpp, std::move(handle), false, takes_a_while});
  };
  add(
      "POST", "/sdcpp/v1/img_gen", [&service](const Call& call) { submit_sdcpp(call, service); }, true);
  // Its pictures are turned into text.
  add(
      "GET", "/sdcpp/v1/jobs/{id}",
      [&service](const Call& call) {
        call.respond(200, to_line(job_json(*sdcpp_job_of(call, service))) + "\n");
      },
      true);
  add(
      "POST", "/sdcpp/v1/jobs/{id}/cancel",
      [&service](const Call& call) {
        const auto job = sdcpp_job_of(call, service);
        service.jobs.cancel(job);
        call.respond(200, to_line(job_json(*job)) + "\n");
      },
      true);
  add(
      "GET", "/sdcpp/v1/capabilities",
      [&service](const Call& call) { call.respond(200, to_line(capabilities(service)) + "\n"); }, false);
}

}  // namespace sd35::serving
