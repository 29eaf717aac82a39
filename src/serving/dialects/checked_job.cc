#include "serving/dialects/checked_job.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "core/messages.h"
#include "options/options.h"
#include "serving/request_error.h"

namespace sd35::serving {
namespace {

std::size_t characters(const std::string& text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; }));
}

void check_prompt(const Option& option, const std::string& text, std::size_t most) {
  if (option.kind != OptionKind::text || characters(text) <= most) return;
  throw RequestError(400, "prompt_too_long",
                     std::string(option.name) + " has more than " + std::to_string(most) + " characters",
                     std::string(option.name));
}

void check_prompts(const GenerateOptions& options, std::size_t most) {
  visit_options(options, [&]<class T>(const Option& option, const T& value) {
    if constexpr (std::is_same_v<T, std::string>) check_prompt(option, value, most);
    if constexpr (std::is_same_v<T, std::optional<std::string>>)
      if (value) check_prompt(option, *value, most);
  });
}

[[noreturn]] void too_much(const std::string& field, const std::string& message) {
  throw RequestError(400, field == "width" ? "invalid_size" : "invalid_value", message, field);
}

// `options`: complete.
void check_limits(const GenerateOptions& options, const RequestLimits& limits) {
  const double pixels =
      static_cast<double>(*options.width) * *options.height * options.hires.scale * options.hires.scale;
  if (pixels > static_cast<double>(limits.pixels))
    too_much("width", "the picture would have " + std::to_string(static_cast<std::uint64_t>(pixels)) +
                          " pixels; this server draws up to " + std::to_string(limits.pixels));
  if (*options.num_inference_steps > limits.steps)
    too_much("num_inference_steps", "num_inference_steps is " + std::to_string(*options.num_inference_steps) +
                                        "; this server takes up to " + std::to_string(limits.steps));
  if (options.hires.steps > limits.steps)
    too_much("hires.steps", "hires.steps is " + std::to_string(options.hires.steps) +
                                "; this server takes up to " + std::to_string(limits.steps));
  if (options.count > limits.count)
    too_much("count", "count is " + std::to_string(options.count) + "; this server draws up to " +
                          std::to_string(limits.count) + " at once");
}

}  // namespace

std::string model_named(const Service& service, const std::string& name) {
  if (name.empty()) return service.models.default_name();
  if (service.models.has(name)) return name;
  std::string known;
  for (const std::string& each : service.models.names()) known += (known.empty() ? "" : ", ") + each;
  throw RequestError(404, "unknown_model", "there is no model " + in_quotes(name) + "; there are " + known,
                     "model");
}

LoraOptions lora_named(const Service& service, const std::string& name, double weight,
                       const std::string& field) {
  const auto path = service.models.lora(name);
  if (!path) throw RequestError(404, "unknown_lora", "there is no LoRA " + in_quotes(name), field);
  return {*path, weight};
}

std::uint64_t random_seed() { return std::random_device{}(); }

void check_job(JobRequest& request, Service& service) {
  check_prompts(request.options, service.limits.prompt_characters);
  const Models::PipelinePointer pipeline = service.models.pipeline(request.model);
  try {
    request.options = pipeline->completed(request.options);
  } catch (const ArgumentError& error) {
    const bool of_size = error.option() == "width" || error.option() == "height";
    throw RequestError(400, of_size ? "invalid_size" : "invalid_value",
                       service.models.without_paths(error.what()), error.option());
  }
  check_limits(request.options, service.limits);
}

}  // namespace sd35::serving
