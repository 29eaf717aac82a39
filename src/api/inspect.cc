// sd35::inspect of the public API.
#include <array>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

#include "api/translated.h"
#include "core/config_file.h"
#include "core/digits.h"
#include "core/error.h"
#include "core/file_kind.h"
#include "core/file_reader.h"
#include "core/messages.h"
#include "image/image_file.h"
#include "image/image_size.h"
#include "options/options.h"
#include "pipeline/components.h"
#include "pipeline/model_defaults.h"
#include "pipeline/recipe.h"
#include "pipeline/validation.h"
#include "sd35/sd35.h"
#include "weights/files/gguf.h"
#include "weights/layouts/component_weights.h"
#include "weights/layouts/find_component.h"
#include "weights/model/model_files.h"

namespace sd35 {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

// Counts of the tensors of a source; also lists all of them if `list` asks for it.
Json describe_tensors(const WeightSource& source, bool list) {
  std::int64_t parameters = 0;
  std::uint64_t bytes = 0;
  std::map<std::string, std::uint64_t> types;  // parameters by type
  Json tensors = Json::array();
  const std::vector<std::string> names = source.names();
  for (const std::string& name : names) {
    const StoredTensor& tensor = *source.find(name);
    const std::string type = tensor.type_name();
    const std::int64_t count = tensor.shape.numel();
    parameters += count;
    bytes += tensor.bytes();
    types[type] += static_cast<std::uint64_t>(count);
    const std::vector<std::int64_t> shape(tensor.shape.dims().begin(), tensor.shape.dims().end());
    if (list) tensors.push_back({{"name", name}, {"type", type}, {"shape", shape}});
  }
  Json result = {
      {"tensor_count", names.size()}, {"parameters", parameters}, {"bytes", bytes}, {"types", types}};
  if (list) result["tensors"] = std::move(tensors);
  return result;
}

// The class and the layers (levels of the autoencoder) that a configuration names.
Json describe_config(const nlohmann::json& config, const Location& location) {
  constexpr std::int64_t kMost = 100'000;
  const ConfigReader reader(config, location);
  std::string name = reader.text("_class_name", "");
  const auto architectures = config.find("architectures");
  if (architectures != config.end() && architectures->is_array() && !architectures->empty() &&
      architectures->front().is_string())
    name = architectures->front().get<std::string>();
  Json result = {{"class", name}};
  for (const std::string key : {"num_layers", "num_hidden_layers"})
    if (reader.has(key)) result["layers"] = reader.integer(key, 0, kMost);
  if (reader.has("block_out_channels"))
    result["layers"] = reader.integers("block_out_channels", 1, kMost, 64).size();
  return result;
}

Json describe_component(const ModelFiles& files, Component component, bool tensors) {
  Json entry = {{"class", ""}};
  try {
    const ComponentConfig config = files.configuration(component);
    entry = describe_config(config.json, config.location);
    const std::shared_ptr<const WeightSource> source = files.weights(component);
    entry["file"] = source->location();
    entry.update(describe_tensors(*source, tensors));
  } catch (const FileError& error) {
    entry["problem"] = error.what();
  }
  return entry;
}

// What the model draws with where no option says otherwise.
Json defaults_of(const GenerateOptions& options) {
  return {{"width", *options.width},
          {"height", *options.height},
          {"steps", *options.num_inference_steps},
          {"guidance_scale", *options.guidance_scale},
          {"sampler", *options.sampler}};
}

// Opens the model as generate() does, so that both say the same.
void ask_generate(Json& report, const std::string& model, const ModelFiles& files) {
  report["missing_to_generate"] = files.missing_to_generate();
  report["problem"] = "";
  report["warnings"] = Json::array();
  try {
    const Components components = open_components(model, {});
    report["warnings"] = components.warnings;
    const GenerateOptions options =
        with_model_defaults({}, components.defaults, components.transformer, components.vae, 0);
    report["defaults"] = defaults_of(options);
    Callbacks callbacks;
    callbacks.on_warning = [&](const std::string& warning) { report["warnings"].push_back(warning); };
    suggest_preset(with_names({model, {}, options}), callbacks);
  } catch (const Error& error) {
    report["problem"] = error.what();
  }
}

Json model_description(const std::string& model, bool tensors) {
  const ModelFiles files = ModelFiles::open(model);
  Json components = Json::object();
  for (const Component component : kComponents)
    if (files.has(component))
      components[std::string(folder_of(component))] = describe_component(files, component, tensors);
  Json report = {{"path", files.location()},
                 {"layout", files.is_single_file() ? "original" : "diffusers"},
                 {"components", std::move(components)}};
  ask_generate(report, model, files);
  return report;
}

// A file of weights that holds no component: a LoRA, or another program's.
Json describe_file(const fs::path& path, const WeightFile& file, bool tensors) {
  const std::string holds = likely_content(file.tensors);
  Json entry = {{"class", ""}, {"file", path.string()}};
  entry.update(describe_tensors(StoredWeights(path.string(), file.tensors), tensors));
  return {{"path", path.string()},
          {"layout", is_gguf(path) ? "GGUF" : "safetensors"},
          {"metadata", file.metadata},
          {"holds", holds},
          {"components", {{path.filename().string(), std::move(entry)}}}};
}

// How a picture was made, as far as it says so.
Json describe_picture(const fs::path& path, const std::string& kind) {
  const Metadata metadata = read_metadata(path);
  Json report = {{"path", path.string()}, {"kind", kind}};
  const FileReader file(path.string());
  constexpr std::uint64_t kStart = std::uint64_t{1} << 20;  // more than any header has
  const std::uint64_t length = std::min(file.size(), kStart);
  if (const auto size = image_size(file.read(0, length), file.size(), path.string()))
    report.update({{"width", size->width}, {"height", size->height}});
  if (!metadata.digital_source_type.empty()) report["digital_source_type"] = metadata.digital_source_type;
  if (!metadata.settings_json.empty()) {
    recipe_from_json(metadata.settings_json, path.string());  // throws where it is damaged
    report["recipe"] = Json::parse(metadata.settings_json);
  } else {
    report["parameters"] = metadata.parameters;
  }
  return report;
}

// The kind of a regular file that is neither weights nor a list of their shards.
std::string kind_of_other(const fs::path& path) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return "";
  const std::string kind = file_kind(path), name = path.filename().string();
  // Anything else in place of weights is an error, the one that generate() would give.
  const bool weights = name.ends_with(".safetensors") || name.ends_with(".gguf") ||
                       name.find(".safetensors.index") != name.npos;
  const bool readable =
      kind.starts_with("text, ") || kind.starts_with("JSON, ") || kind.ends_with(" picture");
  return readable && !weights ? kind : "";
}

Json describe(const fs::path& path, bool tensors) {
  if (const std::string kind = kind_of_other(path); kind.ends_with(" picture"))
    return describe_picture(path, kind);
  else if (!kind.empty())
    return {{"path", path.string()}, {"kind", kind}};
  std::error_code error;
  if (fs::is_regular_file(path, error))
    if (const WeightFile file = read_weight_file(path); find_components(file.tensors).empty())
      return describe_file(path, file, tensors);
  return model_description(path.string(), tensors);
}

// 2,469,663,936
std::string in_units(std::uint64_t bytes) {
  constexpr std::array kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < kUnits.size(); ++unit) value /= 1024;
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f %s" : "%.2f %s", value, kUnits.at(unit));
  return text.data();
}

std::string padded(std::string text, std::size_t width) {
  text.resize(std::max(text.size() + 1, width), ' ');
  return text;
}

std::string tensors_text(const Json& tensors) {
  std::string text;
  for (const Json& tensor : tensors) {
    const std::string quoted = in_quotes(tensor["name"].get<std::string>());
    text += "  " + padded(quoted.substr(1, quoted.size() - 2), 76) +
            padded(tensor["type"].get<std::string>(), 9) +
            Shape(tensor["shape"].get<std::vector<std::int64_t>>()).to_string() + "\n";
  }
  return text;
}

std::string component_text(const std::string& name, const Json& entry) {
  std::string text = padded(name, 16);
  if (entry.contains("problem")) return text + entry["problem"].get<std::string>() + "\n";
  text += padded(printable(entry["class"].get<std::string>()), 30);
  text += padded(entry.contains("layers") ? entry["layers"].dump() + " layers" : "", 11);
  text += with_commas(entry["parameters"].get<std::uint64_t>()) + " parameters in " +
          with_commas(entry["tensor_count"].get<std::uint64_t>()) + " tensors, " +
          in_units(entry["bytes"].get<std::uint64_t>()) + ":";
  for (const auto& [type, count] : entry["types"].items()) {
    if (entry["types"].size() > 1) text.append(" ").append(with_commas(count.get<std::uint64_t>()));
    text.append(" ").append(type);
  }
  return text + "\n" + (entry.contains("tensors") ? tensors_text(entry["tensors"]) : "");
}

// The arguments of `Options` whose names an option of `Others` has too, by these.
template <class Options, class Others>
std::map<std::string, std::string> shared_names() {
  std::map<std::string, std::string> shared;
  visit_defaults<Options>([&](const Option& option, const auto& /*value*/) {
    visit_defaults<Others>([&](const Option& other, const auto& /*value*/) {
      if (other.name == option.name) shared[std::string(option.name)] = long_argument_of(option);
    });
  });
  return shared;
}

// "  seed               0" for each setting, those of an object as "field.seed". `arguments`: of those that
// go by the name of another one.
std::string settings_text(const Json& settings, const std::map<std::string, std::string>& arguments = {},
                          const std::string& within = {}) {
  std::string text;
  for (const auto& [key, value] : settings.items()) {
    const auto argument = arguments.find(key);
    const std::string name =
        argument == arguments.end() ? within + printable(key) : key + " (" + argument->second + ")";
    if (value.is_object())
      text += settings_text(value, {}, name + ".");
    else if (value != "")
      text += "  " + padded(name, 28) +
              printable(value.is_string() ? value.get<std::string>() : value.dump()) + "\n";
  }
  return text;
}

std::string recipe_text(const Json& recipe) {
  std::string text;
  for (const auto& [key, value] : recipe.items()) {
    if (key == "load")
      text += settings_text(value, shared_names<LoadOptions, GenerateOptions>());
    else if (key == "generate")
      text += settings_text(value, shared_names<GenerateOptions, LoadOptions>());
    else
      text += settings_text(Json::object({{key, value}}));
  }
  return text;
}

std::string picture_text(const Json& report) {
  std::string text = printable(report["path"].get<std::string>()) + " (" + report["kind"].get<std::string>();
  if (report.contains("width")) text += ", " + report["width"].dump() + " x " + report["height"].dump();
  text += ")\n";
  if (report.contains("digital_source_type"))
    text += "marked as " + report["digital_source_type"].get<std::string>() + "\n";
  if (report.contains("recipe")) return text + "made with\n" + recipe_text(report["recipe"]);
  if (!report.contains("parameters")) return text;
  const auto parameters = report["parameters"].get<std::string>();
  return text + (parameters.empty() ? "it does not say how it was made\n"
                                    : "made by another program with\n  " + printable(parameters) + "\n");
}

// What generate() would say.
std::string outlook_text(const Json& report) {
  std::string text;
  for (const Json& warning : report["warnings"]) text += "warning: " + warning.get<std::string>() + "\n";
  const auto missing = report["missing_to_generate"].get<std::string>();
  if (!missing.empty()) return text + "missing to generate: " + missing + "\n";
  if (report.contains("defaults")) {
    const Json& defaults = report["defaults"];
    text += "draws " + defaults["width"].dump() + " x " + defaults["height"].dump() + " pixels in " +
            defaults["steps"].dump() + " steps of " + defaults["sampler"].get<std::string>() + ", guidance " +
            defaults["guidance_scale"].dump() + ", unless options say otherwise\n";
  }
  const auto problem = report["problem"].get<std::string>();
  return text + (problem.empty() ? "nothing is missing to generate\n" : "cannot generate: " + problem + "\n");
}

std::string as_text(const Json& report) {
  if (report.contains("kind")) return picture_text(report);
  std::string text = printable(report["path"].get<std::string>()) + " (" +
                     report["layout"].get<std::string>() + " layout)\n";
  for (const auto& [name, entry] : report["components"].items())
    text += component_text(printable(name), entry);
  if (report.contains("holds")) text += "it seems to hold " + report["holds"].get<std::string>() + "\n";
  if (report.contains("metadata"))
    for (const auto& [key, value] : report["metadata"].items())
      text += "metadata " + in_quotes(key) + ": " + in_quotes(value.get<std::string>()) + "\n";
  return report.contains("missing_to_generate") ? text + outlook_text(report) : text;
}

}  // namespace

std::string inspect(const fs::path& path, bool json, bool tensors) {
  return translated([&] {
    const Json report = describe(path, tensors);
    // Paths may hold bytes that are not UTF-8.
    return json ? report.dump(2, ' ', false, Json::error_handler_t::replace) + "\n" : as_text(report);
  });
}

}  // namespace sd35
