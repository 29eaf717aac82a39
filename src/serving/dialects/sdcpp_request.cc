#include "serving/dialects/sdcpp_request.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/messages.h"
#include "serving/dialects/checked_job.h"
#include "serving/dialects/own_answers.h"
#include "serving/dialects/pictures_in.h"

namespace sd35::serving {
namespace {

constexpr double kImageStrength = 0.75;

constexpr const char* kOtherSamplers[] = {"dpm2",          "dpm++2s_a", "dpm++2mv2",     "ipndm",  "ipndm_v",
                                          "ddim_trailing", "tcd",       "res_multistep", "res_2s", "er_sde"};

const JsonIn& object_in(const JsonIn& body, const char* name) {
  static const JsonIn none = JsonIn::object();
  const auto found = body.find(name);
  if (found == body.end() || found->is_null()) return none;
  if (!found->is_object()) refuse_value(name, *found, "an object");
  return *found;
}

void refuse_if_given(const JsonIn& body, const char* name) {
  const auto found = body.find(name);
  if (found == body.end() || found->is_null() || (found->is_structured() && found->empty()) || *found == "")
    return;
  throw RequestError(400, "unsupported_field", std::string(name) + " is not supported", name);
}

void read_sampling(const JsonIn& sampling, JobRequest& job) {
  GenerateOptions& options = job.options;
  if (const auto steps = integer_field(sampling, "sample_steps", -1, 1000); steps && *steps > 0)
    options.num_inference_steps = static_cast<int>(*steps);
  const std::string method = text_field(sampling, "sample_method").value_or("default");
  const std::vector<std::string> ours = sampler_names();
  if (std::ranges::find(ours, method) != ours.end()) {
    options.sampler = method;
  } else if (std::ranges::find(kOtherSamplers, method) != std::end(kOtherSamplers)) {
    options.sampler = "euler";
    job.warnings.push_back("the sampler " + in_quotes(method) + " is not there; euler draws");
  } else if (method != "default" && !method.empty()) {
    throw RequestError(400, "invalid_value", "there is no sampler " + in_quotes(method), "sample_method");
  }
  const std::string schedule = text_field(sampling, "scheduler").value_or("default");
  if (schedule != "default" && schedule != "discrete" && schedule != "simple" && schedule != "sgm_uniform" &&
      !schedule.empty())
    job.warnings.push_back("the schedule " + in_quotes(schedule) + " is not there; the model's own is used");
  refuse_if_given(sampling, "custom_sigmas");
  if (const auto shift = number_field(sampling, "flow_shift", 0, 100); shift && *shift > 0)
    options.shift = shift;
  const JsonIn& guidance = object_in(sampling, "guidance");
  options.guidance_scale = number_field(guidance, "txt_cfg", -1000, 1000);
  const JsonIn& skip = object_in(guidance, "slg");
  const double scale = number_field(skip, "scale", 0, 1000).value_or(0);
  if (scale == 0) return;
  SkipLayerOptions& layers = options.skip_layer_guidance;
  if (const auto list = skip.find("layers"); list != skip.end() && list->is_array())
    for (const JsonIn& layer : *list) {
      const JsonIn one{{"layers", layer}};
      layers.layers.push_back(static_cast<int>(integer_field(one, "layers", 0, 1000).value_or(0)));
    }
  layers.scale = scale;
  layers.start = number_field(skip, "layer_start", 0, 1).value_or(layers.start);
  layers.stop = number_field(skip, "layer_end", 0, 1).value_or(layers.stop);
}

void read_sdcpp_pictures(const JsonIn& body, const RequestLimits& limits, GenerateOptions& options) {
  const auto read = [&](const char* name, InputPicture& input) {
    if (const auto text = text_field(body, name); text && !text->empty())
      input = input_of(picture_of_text(*text, name, limits), name);
  };
  read("init_image", options.init.picture);
  if (options.init.picture.given()) {
    read("mask_image", options.inpaint.mask);
    options.init.strength = number_field(body, "strength", 0, 1).value_or(kImageStrength);
  }
  const auto references = body.find("ref_images");
  if (references == body.end() || !references->is_array() || references->empty()) return;
  if (references->size() > 1 || !references->front().is_string())
    refuse_value("ref_images", *references, "a list of one picture");
  options.edit = input_of(
      picture_of_text(references->front().get_ref<const std::string&>(), "ref_images", limits), "ref_images");
}

void read_hires(const JsonIn& hires, GenerateOptions& options) {
  if (!bool_field(hires, "enabled").value_or(false)) return;
  const std::string upscaler = text_field(hires, "upscaler").value_or("Latent");
  if (upscaler != "Latent" && upscaler != "Lanczos")
    throw RequestError(400, "invalid_value",
                       "hires.upscaler is " + in_quotes(upscaler) + "; it must be Latent or Lanczos",
                       "hires");
  options.hires.upscaler = upscaler == "Latent" ? "latent" : "lanczos";
  options.hires.scale = number_field(hires, "scale", 1, 8).value_or(2);
  options.hires.strength = number_field(hires, "denoising_strength", 0, 1);
  options.hires.steps = static_cast<int>(integer_field(hires, "steps", 0, 1000).value_or(0));
  for (const char* side : {"target_width", "target_height"})
    if (integer_field(hires, side, 0, 100'000).value_or(0) > 0)
      throw RequestError(400, "unsupported_field",
                         std::string("hires.") + side + " is not supported; scale is", "hires");
}

void read_sdcpp_loras(const JsonIn& body, const Service& service, GenerateOptions& options) {
  const auto list = body.find("lora");
  if (list == body.end() || list->is_null()) return;
  if (!list->is_array() || list->size() > 16) refuse_value("lora", *list, "a list of up to 16 objects");
  for (const JsonIn& each : *list) {
    if (!each.is_object())
      refuse_value("lora", *list, R"(a list of objects, as in [{"path": "ink", "multiplier": 0.8}])");
    // The path is a name that `capabilities` has told.
    const std::string name = text_field(each, "path").value_or("");
    options.loras.push_back(
        lora_named(service, name, number_field(each, "multiplier", -100, 100).value_or(1), "lora"));
  }
}

}  // namespace

JobRequest sdcpp_job(const JsonIn& body, Service& service) {
  JobRequest job;
  job.dialect = "sdcpp";
  job.model = service.models.default_name();
  job.format = text_field(body, "output_format").value_or("png");
  if (job.format != "png" && job.format != "jpeg" && job.format != "webp")
    throw RequestError(400, "invalid_value",
                       "output_format is " + in_quotes(job.format) + "; it must be png, jpeg or webp",
                       "output_format");
  if (const auto quality = integer_field(body, "output_compression", 0, 100))
    job.quality = std::max(1, static_cast<int>(*quality));
  GenerateOptions& options = job.options;
  options.prompt = text_field(body, "prompt").value_or("");
  options.negative_prompt = text_field(body, "negative_prompt").value_or("");
  const auto side = [&](const char* name, std::optional<int>& value) {
    if (const auto given = integer_field(body, name, -1, 100'000); given && *given > 0)
      value = static_cast<int>(*given);
  };
  side("width", options.width);
  side("height", options.height);
  const std::int64_t seed = integer_field(body, "seed", INT64_MIN, INT64_MAX).value_or(-1);
  options.seed = seed < 0 ? random_seed() : static_cast<std::uint64_t>(seed);
  options.count = static_cast<int>(integer_field(body, "batch_count", 1, 1000).value_or(1));
  options.metadata = bool_field(body, "embed_image_metadata").value_or(true);
  options.vae_tiling = bool_field(object_in(body, "vae_tiling_params"), "enabled").value_or(false);
  refuse_if_given(body, "control_image");
  refuse_if_given(body, "ip_adapter_image");
  read_sampling(object_in(body, "sample_params"), job);
  read_sdcpp_pictures(body, service.limits, options);
  read_hires(object_in(body, "hires"), options);
  read_sdcpp_loras(body, service, options);
  check_job(job, service);
  return job;
}

}  // namespace sd35::serving
