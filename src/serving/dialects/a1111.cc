#include "serving/dialects/a1111.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "serving/dialects/a1111_request.h"
#include "serving/dialects/awaited_job.h"
#include "serving/dialects/checked_job.h"
#include "serving/dialects/json_body.h"
#include "serving/dialects/pictures_in.h"
#include "serving/http/base64.h"

namespace sd35::serving {
namespace {

Response a1111_error(const RequestError& error, const Request& /*request*/) {
  JsonOut detail = error.what();
  int status = error.status();
  if (!error.field().empty() && (status == 400 || status == 422)) {
    status = 422;
    detail =
        JsonOut::array({{{"loc", {"body", error.field()}}, {"msg", error.what()}, {"type", "value_error"}}});
  }
  Response response{status, {{"Content-Type", "application/json"}}, to_line({{"detail", detail}}) + "\n"};
  if (status == 401) response.headers.set("WWW-Authenticate", "Basic realm=\"sd35\"");
  return response;
}

// "20260131120000"
std::string stamp_of(Time time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 20> text{};
  std::strftime(text.data(), text.size(), "%Y%m%d%H%M%S", &parts);
  return text.data();
}

// What the calls of this dialect share: its model, and its jobs that have not ended.
class A1111Session {
 public:
  explicit A1111Session(Service& service) : service_(service), model_(service.models.default_name()) {}

  std::string model() const {
    const std::lock_guard lock(mutex_);
    return model_;
  }
  void set_model(const std::string& name) {
    const std::lock_guard lock(mutex_);
    model_ = name;
  }
  void add(const std::shared_ptr<Job>& job) {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(job);
  }
  // Those that have not ended, the first of which is drawn, or is next.
  std::vector<std::shared_ptr<Job>> jobs() {
    const std::lock_guard lock(mutex_);
    std::erase_if(jobs_, [](const auto& job) { return job->state().ended(); });
    return jobs_;
  }
  void interrupt() {
    const auto running = jobs();
    if (!running.empty()) service_.jobs.cancel(running.front());
  }

 private:
  Service& service_;
  mutable std::mutex mutex_;
  std::string model_;
  std::vector<std::shared_ptr<Job>> jobs_;
};

JsonOut info_json(const A1111Request& asked, const Job& job, const JobState& state) {
  const GenerateOptions& options = asked.job.options;
  JsonOut prompts = JsonOut::array(), negatives = JsonOut::array(), seeds = JsonOut::array(),
          texts = JsonOut::array();
  for (const auto& picture : state.pictures) {
    prompts.push_back(options.prompt);
    negatives.push_back(options.negative_prompt);
    seeds.push_back(picture->seed);
    texts.push_back(picture->parameters);
  }
  return {{"prompt", options.prompt},
          {"all_prompts", prompts},
          {"negative_prompt", options.negative_prompt},
          {"all_negative_prompts", negatives},
          {"seed", options.seed},
          {"all_seeds", seeds},
          {"width", options.width.value()},
          {"height", options.height.value()},
          {"sampler_name", asked.sampler},
          {"cfg_scale", options.guidance_scale.value()},
          {"steps", options.num_inference_steps.value()},
          {"batch_size", options.count},
          {"sd_model_name", asked.job.model},
          {"denoising_strength", asked.has_picture ? JsonOut(asked.denoising_strength) : JsonOut()},
          {"infotexts", texts},
          {"index_of_first_image", 0},
          {"job_timestamp", stamp_of(job.state().created)},
          {"version", version()},
          {"extra_generation_params", JsonOut::object()},
          {"warnings", state.warnings}};
}

std::string answer_text(const A1111Request& asked, const JsonIn& parameters, const Job& job,
                        const JobState& state) {
  JsonOut images = JsonOut::array();
  if (asked.send_images)
    for (const auto& picture : state.pictures) images.push_back(base64_of(picture->bytes));
  return to_line({{"images", images},
                  {"parameters", parameters},
                  {"info", to_line(info_json(asked, job, state))}}) +
         "\n";
}

// What was asked for, without its pictures.
JsonIn echoed(JsonIn body) {
  for (const char* picture : {"init_images", "mask"})
    if (body.contains(picture)) body[picture] = nullptr;
  return body;
}

void draw_a1111(const Call& call, Service& service, A1111Session& session, A1111Request asked,
                const JsonIn& body) {
  const auto job = service.jobs.submit(asked.job);
  asked.job.drop_inputs();
  session.add(job);
  const auto exchange = call.exchange;
  when_ended(
      exchange, job, service.jobs,
      [exchange, weak = std::weak_ptr(job), asked = std::move(asked),
       parameters = echoed(body)](const JobState& state) {
        const auto ended = weak.lock();
        if (!ended) return;
        if (state.error) {
          const RequestError error(state.error->status, state.error->code, state.error->message,
                                   state.error->field);
          return exchange->respond(a1111_error(error, exchange->request()));
        }
        // An interrupted job answers with what is finished.
        exchange->respond(
            {200, {{"Content-Type", "application/json"}}, answer_text(asked, parameters, *ended, state)});
      });
}

JsonOut progress_answer(A1111Session& session, bool with_picture) {
  const auto jobs = session.jobs();
  JsonOut state{{"skipped", false}, {"interrupted", false}, {"stopping_generation", false},
                {"job", ""},        {"job_count", 0},       {"job_timestamp", "0"},
                {"job_no", 0},      {"sampling_step", 0},   {"sampling_steps", 0}};
  JsonOut answer{{"progress", 0.0},          {"eta_relative", 0.0}, {"state", state},
                 {"current_image", nullptr}, {"textinfo", nullptr}, {"current_task", nullptr}};
  if (jobs.empty()) return answer;
  const JobState drawn = jobs.front()->state();
  const JobProgress progress = drawn.progress.value_or(JobProgress());
  // Idle is a progress of 0, and a job that has begun is not idle.
  answer["progress"] = std::max(progress.whole, 0.001);
  answer["eta_relative"] = progress.eta_seconds.value_or(0);
  JsonOut& now = answer["state"];
  now["interrupted"] = jobs.front()->cancel_asked();
  now["job"] = jobs.front()->id();
  now["job_count"] = jobs.size();
  now["job_timestamp"] = stamp_of(drawn.created);
  now["job_no"] = progress.picture;
  now["sampling_step"] = progress.step;
  now["sampling_steps"] = progress.steps;
  if (with_picture && drawn.preview) answer["current_image"] = base64_of(drawn.preview->bytes);
  return answer;
}

JsonOut png_info(const JsonIn& body, const RequestLimits& limits) {
  const auto text = text_field(body, "image");
  if (!text || text->empty()) throw RequestError(404, "no_image", "Image not found");
  const Picture picture = picture_of_text(*text, "image", limits);
  std::string info;
  for (const auto& [key, value] : picture.metadata)
    if (key == "parameters") info = value;
  JsonOut items = JsonOut::object(), parameters = JsonOut::object();
  if (!info.empty()) items["parameters"] = info;
  try {
    const GenerateOptions options = recipe_of(picture, "image").generate;
    parameters = {
        {"Prompt", options.prompt}, {"Negative prompt", options.negative_prompt}, {"Seed", options.seed}};
    if (options.num_inference_steps) parameters["Steps"] = *options.num_inference_steps;
    if (options.guidance_scale) parameters["CFG scale"] = *options.guidance_scale;
    if (options.width && options.height)
      parameters["Size-1"] = *options.width, parameters["Size-2"] = *options.height;
  } catch (const FileError&) {  // it says nothing
  }
  return {{"info", info}, {"items", items}, {"parameters", parameters}};
}

void set_options(const Call& call, Service& service, A1111Session& session) {
  if (const auto model = text_field(parse_body(call.request().body), "sd_model_checkpoint");
      model && !model->empty())
    session.set_model(model_named(service, *model));
  call.respond(200, "null\n");
}

}  // namespace

void add_a1111_routes(Router& router, Service& service) {
  router.set_format(Dialect::a1111, a1111_error);
  const auto session = std::make_shared<A1111Session>(service);
  const auto add = [&](const char* method, const std::string& name, std::function<void(const Call&)> handle,
                       bool takes_a_while) {
    router.add({method, "/sdapi/v1/" + name, Dialect::a1111, std::move(handle), false, takes_a_while});
  };
  const auto add_drawing = [&](const char* name, auto read) {
    add(
        "POST", name,
        [&service, session, read](const Call& call) {
          const JsonIn body = parse_body(call.request().body);
          draw_a1111(call, service, *session, read(body, session->model(), service), body);
        },
        true);
  };
  add_drawing("txt2img", a1111_text_to_image);
  add_drawing("img2img", a1111_image_to_image);
  add(
      "GET", "progress",
      [session](const Call& call) {
        const auto skip = call.request().query.find("skip_current_image");
        const bool with_picture = skip == call.request().query.end() ||
                                  (skip->second != "true" && skip->second != "1" && skip->second != "True");
        call.respond(200, to_line(progress_answer(*session, with_picture)) + "\n");
      },
      false);
  for (const char* name : {"interrupt", "skip"})
    add(
        "POST", name,
        [session](const Call& call) {
          session->interrupt();
          call.respond(200, "{}\n");
        },
        false);
  add(
      "GET", "options",
      [session](const Call& call) {
        call.respond(200,
                     to_line({{"sd_model_checkpoint", session->model()}, {"samples_format", "png"}}) + "\n");
      },
      false);
  add(
      "POST", "options", [&service, session](const Call& call) { set_options(call, service, *session); },
      true);
  add(
      "POST", "png-info",
      [&service](const Call& call) {
        call.respond(200, to_line(png_info(parse_body(call.request().body), service.limits)) + "\n");
      },
      true);
  add_a1111_lists(router, service);
}

}  // namespace sd35::serving
