#include "serving/dialects/openai_request.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "core/messages.h"
#include "serving/dialects/checked_job.h"
#include "serving/dialects/pictures_in.h"
#include "serving/http/multipart.h"

namespace sd35::serving {
namespace {

constexpr double kStrengthWithoutMask = 0.75;
constexpr double kStrengthWithMask = 1;  // what is transparent has no colours to begin with

// Fields that are numbers or more in JSON, and texts in a form.
const std::set<std::string> kNotTexts{"n",
                                      "seed",
                                      "rng_seed",
                                      "num_inference_steps",
                                      "steps",
                                      "guidance_scale",
                                      "max_sequence_length",
                                      "output_compression",
                                      "partial_images",
                                      "stream",
                                      "strength",
                                      "loras"};

[[noreturn]] void refuse(const char* field, const std::string& message) {
  throw RequestError(400, "invalid_value", message, field);
}

// "1024x768", or "auto": the model's own.
void read_size(const std::string& size, GenerateOptions& options) {
  if (size == "auto") return;
  const auto number = [](std::string_view text, std::optional<int>& side) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), side.emplace());
    return error == std::errc() && end == text.data() + text.size();
  };
  const std::string_view text = size;
  const std::size_t x = text.find('x');
  if (x == text.npos || !number(text.substr(0, x), options.width) ||
      !number(text.substr(x + 1), options.height))
    refuse("size", "size is " + in_quotes(size) + "; it must be auto or WIDTHxHEIGHT, as in 1024x1024");
}

std::vector<LoraOptions> read_openai_loras(const JsonIn& fields, const Service& service) {
  std::vector<LoraOptions> loras;
  const auto list = fields.find("loras");
  if (list == fields.end() || list->is_null()) return loras;
  const std::string shape = R"(a list of up to 16 objects, as in [{"name": "ink", "weight": 0.8}])";
  if (!list->is_array() || list->size() > 16) refuse_value("loras", *list, shape);
  for (const JsonIn& each : *list) {
    const auto name = each.is_object() ? text_field(each, "name") : std::nullopt;
    if (!name) refuse_value("loras", *list, shape);
    loras.push_back(lora_named(service, *name, number_field(each, "weight", -100, 100).value_or(1), "loras"));
  }
  return loras;
}

void read_output(const JsonIn& fields, OpenAiRequest& request) {
  JobRequest& job = request.job;
  job.format = text_field(fields, "output_format").value_or("png");
  if (job.format != "png" && job.format != "jpeg" && job.format != "webp")
    refuse("output_format", "output_format is " + in_quotes(job.format) + "; it must be png, jpeg or webp");
  if (const auto compression = integer_field(fields, "output_compression", 0, 100))
    job.quality = std::max(1, static_cast<int>(*compression));
  const std::string form = text_field(fields, "response_format").value_or("b64_json");
  if (form != "b64_json" && form != "url")
    refuse("response_format", "response_format is " + in_quotes(form) + "; it must be b64_json or url");
  request.urls = form == "url";
  if (text_field(fields, "background").value_or("") == "transparent")
    refuse("background", "transparent backgrounds cannot be drawn");
  request.stream = bool_field(fields, "stream").value_or(false);
  job.partial_pictures = static_cast<int>(integer_field(fields, "partial_images", 0, 3).value_or(0));
  if (!request.stream) job.partial_pictures = 0;
}

// What is no option of OpenAI's: names that other servers and `extra_body` use.
void read_extensions(const JsonIn& fields, const Service& service, GenerateOptions& options) {
  const auto either = [&](const char* name, const char* other, std::int64_t least, std::int64_t most) {
    const auto value = integer_field(fields, name, least, most);
    return value ? value : integer_field(fields, other, least, most);
  };
  options.negative_prompt = text_field(fields, "negative_prompt").value_or("");
  const auto seed = either("seed", "rng_seed", INT64_MIN, INT64_MAX);
  options.seed = seed && *seed >= 0 ? static_cast<std::uint64_t>(*seed) : random_seed();
  if (const auto steps = either("num_inference_steps", "steps", 1, 1000))
    options.num_inference_steps = static_cast<int>(*steps);
  options.guidance_scale = number_field(fields, "guidance_scale", -1000, 1000);
  options.sampler = text_field(fields, "sampler");
  if (const auto length = integer_field(fields, "max_sequence_length", 1, 512))
    options.max_sequence_length = static_cast<int>(*length);
  options.loras = read_openai_loras(fields, service);
}

// All but the pictures of an edit.
OpenAiRequest read_fields(const JsonIn& fields, Service& service) {
  OpenAiRequest request;
  JobRequest& job = request.job;
  job.dialect = "openai";
  job.model = openai_model(text_field(fields, "model").value_or(""), service, job.warnings);
  const auto prompt = text_field(fields, "prompt");
  if (!prompt) throw RequestError(400, "missing_field", "prompt is missing", "prompt");
  job.options.prompt = *prompt;
  job.options.count = static_cast<int>(integer_field(fields, "n", 1, 10).value_or(1));
  read_size(text_field(fields, "size").value_or("auto"), job.options);
  read_output(fields, request);
  if (request.stream && job.options.count > 1) refuse("n", "a stream is of one picture: n must be 1");
  read_extensions(fields, service, job.options);
  request.quality = text_field(fields, "quality").value_or("auto");
  if (request.quality == "low" && !job.options.num_inference_steps)
    job.options.num_inference_steps =
        std::max(1, *service.models.defaults(job.model).num_inference_steps / 2);
  // The words of older models mean nothing to newer clients.
  if (request.quality != "low" && request.quality != "medium" && request.quality != "high")
    request.quality = "auto";
  return request;
}

// Errors name the field that the client sent.
void check(OpenAiRequest& request, Service& service) {
  try {
    check_job(request.job, service);
  } catch (const RequestError& error) {
    const std::string& field = error.field();
    const bool size = field == "width" || field == "height";
    throw RequestError(error.status(), error.code(), error.what(),
                       size               ? "size"
                       : field == "count" ? "n"
                                          : field);
  }
}

// The texts of a form as JSON.
JsonIn fields_of_form(const std::vector<FormPart>& parts) {
  JsonIn fields = JsonIn::object();
  for (const FormPart& part : parts) {
    if (part.name.starts_with("image") || part.name == "mask") continue;
    const std::string text(part.content);
    JsonIn value = kNotTexts.contains(part.name) ? JsonIn::parse(text, nullptr, false) : JsonIn();
    if (part.name == "stream" && (text == "True" || text == "False")) value = text == "True";
    const bool usable = !value.is_discarded() && !value.is_null();
    fields[part.name] = usable ? value : JsonIn(text);
  }
  return fields;
}

// White where pixels are fully transparent; nothing where none is.
std::optional<Picture> mask_of_transparency(const Picture& picture) {
  if (std::ranges::find(picture.alpha, 0) == picture.alpha.end()) return std::nullopt;
  Picture mask{picture.width, picture.height, {}, {}, {}, {}};
  mask.rgb.reserve(picture.rgb.size());
  for (const std::uint8_t alpha : picture.alpha) mask.rgb.insert(mask.rgb.end(), 3, alpha == 0 ? 255 : 0);
  return mask;
}

void read_edit_pictures(const std::vector<FormPart>& parts, const RequestLimits& limits, JobRequest& job) {
  const FormPart* image = nullptr;
  const FormPart* mask = nullptr;
  for (const FormPart& part : parts) {
    if (part.name == "mask") mask = &part;
    if (part.name != "image" && part.name != "image[]") continue;
    if (image != nullptr) refuse("image", "one picture can be edited at a time");
    image = &part;
  }
  if (image == nullptr) throw RequestError(400, "missing_field", "image is missing", "image");
  Picture picture = picture_of_bytes(image->content, "image", limits);
  std::optional<Picture> painted =
      mask_of_transparency(mask == nullptr ? picture : picture_of_bytes(mask->content, "mask", limits));
  if (mask != nullptr && !painted)
    refuse("mask", "no pixel of mask is fully transparent: nothing would be painted");
  picture.alpha.clear();
  job.options.init.picture = input_of(std::move(picture), "image");
  if (painted) job.options.inpaint.mask = input_of(std::move(*painted), "mask");
  if (!job.options.init.strength)
    job.options.init.strength = painted ? kStrengthWithMask : kStrengthWithoutMask;
}

}  // namespace

std::string openai_model(const std::string& name, const Service& service,
                         std::vector<std::string>& warnings) {
  for (const char* foreign : {"gpt-image-", "dall-e-", "chatgpt-image-"})
    if (name.starts_with(foreign) && !service.models.has(name)) {
      warnings.push_back("there is no model " + in_quotes(name) + "; " + service.models.default_name() +
                         " draws");
      return service.models.default_name();
    }
  return model_named(service, name);
}

OpenAiRequest openai_generation(const Request& request, Service& service) {
  OpenAiRequest read = read_fields(parse_body(request.body), service);
  check(read, service);
  return read;
}

OpenAiRequest openai_edit(const Request& request, Service& service) {
  const auto boundary = multipart_boundary(request.headers.value("Content-Type"));
  if (!boundary)
    throw RequestError(400, "invalid_form", "pictures are edited by a form, multipart/form-data");
  const auto parts = multipart_parts(request.body, *boundary);
  if (!parts) throw RequestError(400, "invalid_form", "the body is not a form with that boundary");
  const JsonIn fields = fields_of_form(*parts);
  OpenAiRequest read = read_fields(fields, service);
  read.job.options.init.strength = number_field(fields, "strength", 0, 1);
  read_edit_pictures(*parts, service.limits, read.job);
  check(read, service);
  return read;
}

}  // namespace sd35::serving
