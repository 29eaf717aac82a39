// sd35::inspect of the public API.
#include <array>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

#include "core/messages.h"
#include "sd35/sd35.h"
#include "weights/component_weights.h"
#include "weights/config_file.h"
#include "weights/gguf.h"
#include "weights/model_files.h"
#include "weights/safetensors.h"

namespace sd35 {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

// Counts of the tensors of a source; all of them too where `list` asks for it.
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
Json describe_config(const nlohmann::json& config, const std::string& location) {
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

Json describe_model(const std::string& model, bool tensors) {
  const ModelFiles files = ModelFiles::open(model);
  Json components = Json::object();
  for (const Component component : kComponents) {
    if (!files.has(component)) continue;
    Json entry = describe_config(files.config(component), files.config_location(component));
    const std::shared_ptr<const WeightSource> source = files.weights(component);
    entry["file"] = source->location();
    entry.update(describe_tensors(*source, tensors));
    components[std::string(folder_of(component))] = std::move(entry);
  }
  return {{"path", files.location()},
          {"layout", files.is_single_file() ? "original" : "diffusers"},
          {"components", std::move(components)},
          {"missing_to_generate", files.missing_to_generate()}};
}

// A file of one component, or of anything else.
Json describe_file(const fs::path& path, bool tensors) {
  const bool gguf = is_gguf(path);
  SafetensorsFile file;
  if (gguf) {
    GgufFile read = read_gguf(path);
    file = {std::move(read.tensors), std::move(read.metadata)};
  } else {
    file = read_safetensors(path);
  }
  Json entry = {{"class", ""}, {"file", path.string()}};
  entry.update(describe_tensors(StoredWeights(path.string(), std::move(file.tensors)), tensors));
  return {{"path", path.string()},
          {"layout", gguf ? "GGUF" : "safetensors"},
          {"metadata", file.metadata},
          {"components", {{path.filename().string(), std::move(entry)}}}};
}

// Whether `path` is a file that holds no component of the original layout.
bool is_other_file(const fs::path& path) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return false;
  const StoredTensors tensors = is_gguf(path) ? read_weight_file(path) : read_safetensors(path).tensors;
  return components_of(tensors, path.string()).empty();
}

// 2,469,663,936
std::string with_commas(std::uint64_t number) {
  const std::string digits = std::to_string(number);
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

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

std::string component_text(const std::string& name, const Json& entry) {
  std::string text = padded(name, 16) + padded(entry["class"].get<std::string>(), 30);
  text += padded(entry.contains("layers") ? entry["layers"].dump() + " layers" : "", 11);
  text += with_commas(entry["parameters"].get<std::uint64_t>()) + " parameters in " +
          with_commas(entry["tensor_count"].get<std::uint64_t>()) + " tensors, " +
          in_units(entry["bytes"].get<std::uint64_t>()) + ":";
  for (const auto& [type, count] : entry["types"].items()) {
    if (entry["types"].size() > 1) text.append(" ").append(with_commas(count.get<std::uint64_t>()));
    text.append(" ").append(type);
  }
  text += "\n";
  if (entry.contains("tensors"))
    for (const Json& tensor : entry["tensors"]) {
      const std::string quoted = in_quotes(tensor["name"].get<std::string>());
      text += "  " + padded(quoted.substr(1, quoted.size() - 2), 76) +
              padded(tensor["type"].get<std::string>(), 9) +
              Shape(tensor["shape"].get<std::vector<std::int64_t>>()).to_string() + "\n";
    }
  return text;
}

std::string as_text(const Json& report) {
  std::string text =
      report["path"].get<std::string>() + " (" + report["layout"].get<std::string>() + " layout)\n";
  for (const auto& [name, entry] : report["components"].items()) text += component_text(name, entry);
  if (report.contains("metadata"))
    for (const auto& [key, value] : report["metadata"].items())
      text += "metadata " + in_quotes(key) + ": " + in_quotes(value.get<std::string>()) + "\n";
  if (!report.contains("missing_to_generate")) return text;
  const auto missing = report["missing_to_generate"].get<std::string>();
  return text +
         (missing.empty() ? "nothing is missing to generate\n" : "missing to generate: " + missing + "\n");
}

}  // namespace

std::string inspect(const fs::path& model, bool json, bool tensors) {
  const Json report =
      is_other_file(model) ? describe_file(model, tensors) : describe_model(model.string(), tensors);
  // Paths may hold bytes that are not UTF-8.
  return json ? report.dump(2, ' ', false, Json::error_handler_t::replace) + "\n" : as_text(report);
}

}  // namespace sd35
