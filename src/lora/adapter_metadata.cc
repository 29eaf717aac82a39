#include "lora/adapter_metadata.h"

#include <cmath>

#include "core/config_file.h"
#include "core/error.h"
#include "core/messages.h"
#include "lora/lora_files.h"
#include "lora/lora_keys.h"

namespace sd35 {
namespace {

constexpr double kLargest = 1e9;
constexpr std::int64_t kLargestRank = INT32_MAX;
constexpr std::uintmax_t kLargestConfig = 1'000'000;  // bytes; every layer looks through its patterns

// Whether a key of a pattern names a layer: its whole name or the end of it, after "^" only the whole name.
// Regular expressions, which PEFT accepts too, are not what trainers write.
bool means(std::string_view pattern, std::string_view layer) {
  if (pattern.starts_with('^')) return pattern.substr(1) == layer;
  return pattern == layer || (layer.ends_with(pattern) && layer.size() > pattern.size() &&
                              layer[layer.size() - pattern.size() - 1] == '.');
}

void check_pattern(const std::string& pattern, const Location& location) {
  constexpr std::string_view special = "*+?[](){}|\\$";
  if (pattern.find_first_of(special) != pattern.npos)
    throw FileError(location + ": the pattern " + in_quotes(pattern) +
                        " is a regular expression; only names of layers and their ends are supported",
                    {}, location.file);
}

}  // namespace

AdapterMetadata::AdapterMetadata(const std::map<std::string, std::string>& metadata,
                                 const std::filesystem::path& path)
    : location_(path.string() + ", " + kAdapterMetadata, path) {
  if (const auto found = metadata.find(kAdapterMetadata); found != metadata.end()) {
    values_ = parse_json_object(found->second, location_);
    refuse_other_kinds();
    return;
  }
  const std::filesystem::path config = adapter_config_of(path);
  std::error_code error;
  if (config.empty() || !std::filesystem::exists(config, error)) return;
  location_ = config.string();
  of_one_component_ = true;
  values_ = read_json_file(config, kLargestConfig);
  refuse_other_kinds();
}

void AdapterMetadata::refuse_other_kinds() const {
  const auto refuse = [&](const std::string& key, const std::string& what) {
    throw FileError(location_ + ": " + in_quotes(key) + " says that it is " + what +
                    "; only plain LoRA of linear layers is supported");
  };
  for (const auto& [key, value] : values_.items()) {
    const std::string field = key.substr(key.rfind('.') + 1);
    const bool nothing = value.is_null() || value == false || (value.is_structured() && value.empty());
    const std::string text = value.is_string() ? value.get<std::string>() : "";
    if (nothing) continue;
    if (field == "use_dora") refuse(key, "DoRA");
    if (field == "use_qalora" || field == "use_bdlora") refuse(key, "a variant of LoRA");
    if (field == "bias" && text != "none") refuse(key, "LoRA with biases");
    if (field == "lora_bias") refuse(key, "LoRA with biases");
    if (field == "modules_to_save") refuse(key, "LoRA with whole modules");
    if (field == "peft_type" && text != "LORA")
      refuse(key, text.empty() ? "of an unknown kind" : in_quotes(text));
    // These begin by taking from the model's weights what the LoRA then adds to them.
    if (field == "init_lora_weights")
      for (const char* method : {"pissa", "olora", "corda", "loftq"})
        if (text.starts_with(method)) refuse(key, "one for changed weights (" + std::string(method) + ")");
  }
}

std::string AdapterMetadata::base_model() const {
  const auto found = values_.find("base_model_name_or_path");
  return found != values_.end() && found->is_string() ? found->get<std::string>() : "";
}

double AdapterMetadata::scale(Component component, std::string_view layer, std::int64_t rank) const {
  const ConfigReader reader(values_, location_);
  // The key of `pattern` that names the layer; empty if none does.
  const auto find = [&](const nlohmann::json& pattern) {
    for (const auto& [key, value] : pattern.items()) {
      check_pattern(key, location_);
      if (means(key, layer)) return key;
    }
    return std::string();
  };
  const std::string prefix = of_one_component_ ? "" : lora_prefix(component);
  const nlohmann::json none = nlohmann::json::object();
  const auto pattern_of = [&](const char* name) -> const nlohmann::json& {
    const auto found = values_.find(prefix + name);
    if (found == values_.end() || found->is_null()) return none;
    if (!found->is_object()) reader.fail(prefix + name, "is not an object");
    return *found;
  };

  const nlohmann::json &ranks = pattern_of("rank_pattern"), &alphas = pattern_of("alpha_pattern");
  const std::string rank_key = find(ranks), alpha_key = find(alphas);
  const std::int64_t said_rank = rank_key.empty()
                                     ? reader.integer(prefix + "r", 1, kLargestRank, rank)
                                     : ConfigReader(ranks, location_).integer(rank_key, 1, kLargestRank);
  if (said_rank != rank)
    throw FileError(location_ + ": the rank of " + in_quotes(layer) + " is " + std::to_string(said_rank) +
                        ", but its tensors have " + std::to_string(rank),
                    {}, location_.file);
  const auto of_rank = static_cast<double>(rank);
  const double alpha = alpha_key.empty()
                           ? reader.number(prefix + "lora_alpha", -kLargest, kLargest, of_rank)
                           : ConfigReader(alphas, location_).number(alpha_key, -kLargest, kLargest);
  return reader.boolean(prefix + "use_rslora", false) ? alpha / std::sqrt(of_rank) : alpha / of_rank;
}

}  // namespace sd35
