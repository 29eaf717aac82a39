#include "serving/dialects/own_request.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "core/messages.h"
#include "core/similar_names.h"
#include "options/option_json.h"
#include "options/options.h"
#include "serving/dialects/checked_job.h"
#include "serving/dialects/json_body.h"
#include "serving/dialects/pictures_in.h"

namespace sd35::serving {
namespace {

constexpr std::array kFormats{"png", "jpeg", "webp"};
constexpr std::size_t kMostLoras = 16;

// Fields of the body that are no options; "loras", "image", "mask" and "edit" stand for options with paths.
const std::set<std::string> kOwnFields{"model",    "loras",         "image",          "mask",    "edit",
                                       "strength", "output_format", "output_quality", "previews"};
// Options that a client must not set: they are paths of this machine, or tell them.
const std::set<std::string> kRefused{"init.picture", "inpaint.mask", "edit", "loras", "recipe_paths"};

std::set<std::string> known_fields() {
  std::set<std::string> known = kOwnFields;
  visit_defaults<GenerateOptions>([&](const Option& option, const auto& /*value*/) {
    const std::string name(option.name);
    if (!kRefused.contains(name)) known.insert(name.substr(0, name.find('.')));
  });
  return known;
}

void check_fields(const JsonIn& body) {
  static const std::set<std::string> known = known_fields();
  for (const auto& [key, value] : body.items())
    if (!known.contains(key))
      throw RequestError(
          400, "unknown_field",
          "there is no field " + in_quotes(key) + did_you_mean(key, {known.begin(), known.end()}), key);
  for (const std::string& name : kRefused) {
    const std::size_t point = name.find('.');
    if (point == name.npos) continue;
    const auto outer = body.find(name.substr(0, point));
    if (outer != body.end() && outer->is_object() && outer->contains(name.substr(point + 1)))
      throw RequestError(400, "unknown_field",
                         "there is no field " + in_quotes(name) + "; pictures are image and mask", name);
  }
}

std::vector<LoraOptions> read_loras(const JsonIn& body, const Service& service) {
  const auto list = body.find("loras");
  std::vector<LoraOptions> loras;
  if (list == body.end() || list->is_null()) return loras;
  const std::string shape = R"(a list of up to 16 objects, as in [{"name": "ink", "weight": 0.8}])";
  if (!list->is_array() || list->size() > kMostLoras) refuse_value("loras", *list, shape);
  for (const JsonIn& each : *list) {
    const auto name = each.is_object() ? text_field(each, "name") : std::nullopt;
    if (!name || each.size() > (each.contains("weight") ? 2u : 1u)) refuse_value("loras", *list, shape);
    loras.push_back(lora_named(service, *name, number_field(each, "weight", -100, 100).value_or(1), "loras"));
  }
  return loras;
}

void read_pictures(const JsonIn& body, const RequestLimits& limits, GenerateOptions& options) {
  const auto read = [&](const char* name, InputPicture& input) {
    if (const auto text = text_field(body, name))
      input = input_of(picture_of_text(*text, name, limits), name);
  };
  read("image", options.init.picture);
  read("mask", options.inpaint.mask);
  read("edit", options.edit);
  if (const auto strength = number_field(body, "strength", 0, 1)) {
    // Pages send it whether there is a picture or not.
    if (options.init.picture.given()) options.init.strength = strength;
  }
}

// Options by their own names, read as recipes are.
void read_options(JsonIn body, GenerateOptions& options) {
  for (const std::string& own : kOwnFields) body.erase(own);
  try {
    options_from_json(body, options);
  } catch (const ArgumentError& error) {
    const bool of_size = error.option() == "width" || error.option() == "height";
    throw RequestError(400, of_size ? "invalid_size" : "invalid_value", error.what(), error.option());
  }
}

std::string format_field(const JsonIn& body) {
  std::string format = text_field(body, "output_format").value_or("png");
  if (format == "jpg") format = "jpeg";
  if (std::ranges::find(kFormats, format) == kFormats.end())
    throw RequestError(400, "invalid_value",
                       "output_format is " + in_quotes(format) + "; it must be png, jpeg or webp",
                       "output_format");
  return format;
}

// The model of the server that a recipe names; empty: none.
std::string model_of_recipe(const Recipe& recipe, const Service& service) {
  const std::string name = model_name_of(recipe.model);
  return service.models.has(name) ? name : "";
}

}  // namespace

JobRequest own_job(const JsonIn& body, Service& service) {
  check_fields(body);
  JobRequest request;
  request.dialect = "own";
  request.model = model_named(service, text_field(body, "model").value_or(""));
  request.format = format_field(body);
  request.quality = static_cast<int>(integer_field(body, "output_quality", 1, 100).value_or(request.quality));
  request.previews = bool_field(body, "previews").value_or(false);
  if (!text_field(body, "prompt")) throw RequestError(400, "missing_field", "prompt is missing", "prompt");
  read_options(body, request.options);
  if (!body.contains("seed") || body["seed"].is_null()) request.options.seed = random_seed();
  request.options.loras = read_loras(body, service);
  read_pictures(body, service.limits, request.options);
  check_job(request, service);
  return request;
}

JsonOut own_body_of(const Recipe& recipe, const Service& service) {
  GenerateOptions options = recipe.generate;
  options.count = 1;
  JsonOut body = options_to_json(options, JsonOptions::chosen);
  body["seed"] = options.seed;
  body["prompt"] = options.prompt;
  for (const std::string& name : kRefused) {
    const std::size_t point = name.find('.');
    if (point == name.npos)
      body.erase(name);
    else if (const std::string outer = name.substr(0, point); body.contains(outer))
      body[outer].erase(name.substr(point + 1));
  }
  if (const auto init = body.find("init"); init != body.end()) {
    if (init->contains("strength")) body["strength"] = (*init)["strength"];
    init->erase("strength");
  }
  for (const char* outer : {"init", "inpaint"})
    if (body.contains(outer) && body[outer].empty()) body.erase(outer);
  if (const std::string model = model_of_recipe(recipe, service); !model.empty()) body["model"] = model;
  for (const std::vector<LoraOptions>* loras : {&recipe.load.loras, &recipe.generate.loras})
    for (const LoraOptions& lora : *loras) {
      const std::string name =
          lora.path.extension() == ".safetensors" ? lora.path.stem().string() : lora.path.filename().string();
      if (service.models.lora(name)) body["loras"].push_back({{"name", name}, {"weight", lora.weight}});
    }
  return body;
}

}  // namespace sd35::serving
