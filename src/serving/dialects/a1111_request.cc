#include "serving/dialects/a1111_request.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/messages.h"
#include "image/resize.h"
#include "serving/dialects/checked_job.h"
#include "serving/dialects/pictures_in.h"
#include "serving/http/headers.h"

namespace sd35::serving {
namespace {

constexpr double kStrength = 0.75;
constexpr int kFullResPadding = 32;

// Samplers of A1111 that sd35 has not; Euler draws in their place.
constexpr const char* kForeignSamplers[] = {"dpm++ 2m sde", "dpm++ sde",    "dpm++ 2m sde heun",
                                            "dpm++ 2s a",   "dpm++ 3m sde", "lms",
                                            "dpm2",         "dpm2 a",       "dpm fast",
                                            "dpm adaptive", "restart",      "ddim",
                                            "ddim cfg++",   "plms",         "unipc",
                                            "ddpm",         "euler cfg++",  "euler a cfg++",
                                            "heunpp2",      "ipndm",        "ipndm_v",
                                            "deis",         "er sde",       "gradient estimation"};
constexpr const char* kOwnSchedules[] = {"",       "automatic",   "use same scheduler",
                                         "simple", "sgm_uniform", "sgm uniform"};
constexpr const char* kFills[] = {"blur", "original", "noise", "zero"};
constexpr const char* kResizes[] = {"stretch", "crop", "fill", "stretch"};

std::string in_lower_case(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

[[noreturn]] void refuse_field(const char* field, const std::string& message) {
  throw RequestError(422, "invalid_value", message, field);
}

bool is_neutral(const JsonIn& value) {
  if (value.is_null()) return true;
  if (value.is_boolean()) return !value.get<bool>();
  if (value.is_string()) return value == "" || value == "None";
  if (value.is_structured()) return std::ranges::all_of(value, is_neutral);
  return value == 0;
}

// Fields whose effects sd35 has not: no silent difference.
void refuse_what_has_no_effect(const JsonIn& body) {
  for (const char* field : {"enable_hr", "script_name", "styles", "subseed_strength", "tiling",
                            "restore_faces", "refiner_checkpoint", "alwayson_scripts"})
    if (const auto value = body.find(field); value != body.end() && !is_neutral(*value))
      refuse_field(field, std::string(field) + " is not supported");
}

void read_sampler(const JsonIn& body, A1111Request& request) {
  std::string name = text_field(body, "sampler_name").value_or("");
  if (name.empty()) name = text_field(body, "sampler_index").value_or("");
  const std::string small = in_lower_case(name);
  const auto is_it = [&](const A1111Sampler& sampler) {
    return small == in_lower_case(sampler.name) || small == sampler.ours ||
           std::ranges::find(sampler.aliases, small) != sampler.aliases.end();
  };
  const auto known = std::ranges::find_if(a1111_samplers(), is_it);
  if (known != a1111_samplers().end()) {
    request.job.options.sampler = known->ours;
    request.sampler = known->name;
  } else if (std::ranges::find(kForeignSamplers, small) != std::end(kForeignSamplers)) {
    request.job.options.sampler = "euler";
    request.sampler = "Euler";
    request.job.warnings.push_back("the sampler " + in_quotes(name) + " is not there; Euler draws");
  } else if (!name.empty()) {
    throw RequestError(400, "unknown_sampler", "Sampler not found");
  }
  const std::string schedule = text_field(body, "scheduler").value_or("");
  if (std::ranges::find(kOwnSchedules, in_lower_case(schedule)) == std::end(kOwnSchedules))
    request.job.warnings.push_back("the schedule " + in_quotes(schedule) +
                                   " is not there; the model's own is used");
}

std::string model_of(const JsonIn& body, const std::string& model, const Service& service) {
  const auto settings = body.find("override_settings");
  if (settings == body.end() || !settings->is_object()) return model;
  const std::string asked = text_field(*settings, "sd_model_checkpoint").value_or("");
  return asked.empty() ? model : model_named(service, asked);
}

void read_prompts(const JsonIn& body, const Service& service, GenerateOptions& options) {
  options.prompt = text_field(body, "prompt").value_or("");
  options.negative_prompt = text_field(body, "negative_prompt").value_or("");
  for (const LoraMark& mark : take_lora_marks(options.prompt)) {
    if (!service.models.lora(mark.name)) refuse_field("prompt", "there is no LoRA " + in_quotes(mark.name));
    options.loras.push_back(lora_named(service, mark.name, mark.weight, "prompt"));
  }
  take_lora_marks(options.negative_prompt);  // they have no effect there in A1111 either
}

A1111Request read_common(const JsonIn& body, const std::string& model, Service& service) {
  refuse_what_has_no_effect(body);
  A1111Request request;
  JobRequest& job = request.job;
  GenerateOptions& options = job.options;
  job.dialect = "a1111";
  job.model = model_of(body, model, service);
  job.previews = true;  // for `progress`
  read_prompts(body, service, options);
  const std::int64_t seed = integer_field(body, "seed", INT64_MIN, INT64_MAX).value_or(-1);
  options.seed = seed < 0 ? random_seed() : static_cast<std::uint64_t>(seed);
  const auto side = [&](const char* name, std::optional<int>& value) {
    if (const auto given = integer_field(body, name, 1, 100'000)) value = static_cast<int>(*given);
  };
  side("width", options.width);
  side("height", options.height);
  side("steps", options.num_inference_steps);
  options.guidance_scale = number_field(body, "cfg_scale", -1000, 1000);
  const std::int64_t count = integer_field(body, "batch_size", 1, 1000).value_or(1) *
                             integer_field(body, "n_iter", 1, 1000).value_or(1);
  if (count > service.limits.count)
    refuse_field("batch_size", "batch_size times n_iter is " + std::to_string(count) + "; up to " +
                                   std::to_string(service.limits.count) + " pictures are drawn at once");
  options.count = static_cast<int>(count);
  read_sampler(body, request);
  request.send_images = bool_field(body, "send_images").value_or(true);
  return request;
}

// As large as the picture, and grey in its own right: where it is transparent means nothing here.
Picture read_mask(const std::string& text, const Picture& picture, const RequestLimits& limits) {
  Picture mask = picture_of_text(text, "mask", limits);
  mask.alpha.clear();
  if (mask.width == picture.width && mask.height == picture.height) return mask;
  Image resized = resize({mask.width, mask.height, std::move(mask.rgb)}, picture.width, picture.height);
  return {resized.width, resized.height, std::move(resized.rgb), {}, {}, {}};
}

void read_inpainting(const JsonIn& body, const Picture& picture, const RequestLimits& limits,
                     GenerateOptions& options) {
  const auto mask = text_field(body, "mask");
  if (!mask) return;
  InpaintOptions& inpaint = options.inpaint;
  inpaint.mask = input_of(read_mask(*mask, picture, limits), "mask");
  inpaint.blur = number_field(body, "mask_blur", 0, 256).value_or(4);
  inpaint.fill = kFills[integer_field(body, "inpainting_fill", 0, 3).value_or(0)];
  const auto invert = body.find("inpainting_mask_invert");
  inpaint.invert = invert != body.end() && !is_neutral(*invert);
  const auto only_masked = body.find("inpaint_full_res");
  if (only_masked == body.end() || !is_neutral(*only_masked))
    inpaint.only_masked =
        static_cast<int>(integer_field(body, "inpaint_full_res_padding", 0, 4096).value_or(kFullResPadding));
}

void check(A1111Request& request, Service& service) {
  try {
    check_job(request.job, service);
  } catch (const RequestError& error) {
    const std::string& field = error.field();
    const std::string name = field == "num_inference_steps" ? "steps"
                             : field == "guidance_scale"    ? "cfg_scale"
                             : field == "init.strength"     ? "denoising_strength"
                                                            : field;
    throw RequestError(error.status() == 400 ? 422 : error.status(), error.code(), error.what(), name);
  }
}

}  // namespace

const std::vector<A1111Sampler>& a1111_samplers() {
  static const std::vector<A1111Sampler> samplers{{"Euler", "euler", {"k_euler"}},
                                                  {"Euler a", "euler_a", {"k_euler_a", "k_euler_ancestral"}},
                                                  {"Heun", "heun", {"k_heun"}},
                                                  {"DPM++ 2M", "dpm++2m", {"k_dpmpp_2m"}},
                                                  {"LCM", "lcm", {"k_lcm"}}};
  return samplers;
}

std::vector<LoraMark> take_lora_marks(std::string& prompt) {
  constexpr std::string_view kBegin = "<lora:";
  std::vector<LoraMark> marks;
  for (std::size_t begin = prompt.find(kBegin); begin != prompt.npos; begin = prompt.find(kBegin, begin)) {
    const std::size_t end = prompt.find('>', begin);
    if (end == prompt.npos) break;
    const std::string inside = prompt.substr(begin + kBegin.size(), end - begin - kBegin.size());
    const std::size_t colon = inside.find(':');
    LoraMark mark{inside.substr(0, colon), 1};
    if (colon != inside.npos) {
      const char* last = inside.data() + inside.size();
      const auto [stop, error] = std::from_chars(inside.data() + colon + 1, last, mark.weight);
      // A second weight, of text encoders alone, is taken for the same.
      if (error != std::errc() || (stop != last && *stop != ':') ||
          !(mark.weight >= -100 && mark.weight <= 100))
        throw RequestError(
            422, "invalid_value",
            "the weight in " + in_quotes("<lora:" + inside + ">") + " is no number from -100 to 100",
            "prompt");
    }
    marks.push_back(std::move(mark));
    prompt.erase(begin, end + 1 - begin);
  }
  if (!marks.empty()) prompt = std::string(trimmed(prompt));
  return marks;
}

A1111Request a1111_text_to_image(const JsonIn& body, const std::string& model, Service& service) {
  A1111Request request = read_common(body, model, service);
  check(request, service);
  return request;
}

A1111Request a1111_image_to_image(const JsonIn& body, const std::string& model, Service& service) {
  A1111Request request = read_common(body, model, service);
  const auto images = body.find("init_images");
  if (images == body.end() || !images->is_array() || images->empty() || !images->front().is_string())
    throw RequestError(404, "no_image", "Init image not found");
  if (images->size() > 1) refuse_field("init_images", "one picture can be drawn from at a time");
  Picture picture =
      picture_of_text(images->front().get_ref<const std::string&>(), "init_images", service.limits);
  GenerateOptions& options = request.job.options;
  read_inpainting(body, picture, service.limits, options);
  const std::int64_t resize_mode = integer_field(body, "resize_mode", 0, 3).value_or(0);
  if (resize_mode == 3)
    request.job.warnings.emplace_back("resize_mode 3, latent upscale, is not there; the picture is resized");
  options.init.resize = kResizes[resize_mode];
  options.init.strength = request.denoising_strength =
      number_field(body, "denoising_strength", 0, 1).value_or(kStrength);
  options.init.picture = input_of(std::move(picture), "init_images");
  request.has_picture = true;
  check(request, service);
  return request;
}

}  // namespace sd35::serving
