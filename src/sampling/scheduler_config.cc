#include <cmath>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "sampling/sigmas.h"

namespace sd35 {
namespace {

constexpr auto kClass = "FlowMatchEulerDiscreteScheduler";

[[noreturn]] void fail(const Location& location, const std::string& what) {
  throw FileError(location + ": " + what, {}, location.file);
}

// Long or hostile values are cut, so that the message stays one readable line.
std::string shown(const nlohmann::json& value) {
  constexpr std::size_t kLongest = 40;
  std::string text = value.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  if (text.size() > kLongest) text = text.substr(0, kLongest) + "...";
  return text;
}

double positive_number(const nlohmann::json& json, const char* key, double otherwise,
                       const Location& location) {
  const auto found = json.find(key);
  if (found == json.end()) return otherwise;
  const double value = found->is_number() ? found->get<double>() : 0;
  if (!(value > 0) || !std::isfinite(value))
    fail(location, std::string(key) + " is " + shown(*found) + "; it must be a positive number");
  return value;
}

}  // namespace

SchedulerConfig SchedulerConfig::from_json(const nlohmann::json& json, const Location& location) {
  if (!json.is_object()) fail(location, "not a JSON object");
  const auto name = json.find("_class_name");
  if (name == json.end() || *name != kClass)
    fail(location,
         "_class_name is " + (name == json.end() ? "missing" : shown(*name)) + "; supported is " + kClass);
  // Every other option of the class that changes what is sampled, off by default.
  for (const char* key :
       {"use_dynamic_shifting", "shift_terminal", "use_karras_sigmas", "use_exponential_sigmas",
        "use_beta_sigmas", "invert_sigmas", "stochastic_sampling"}) {
    const auto option = json.find(key);
    if (option != json.end() && !option->is_null() && *option != false)
      fail(location, std::string(key) + " is " + shown(*option) + "; only false is supported");
  }
  SchedulerConfig config;
  config.shift = positive_number(json, "shift", 1.0, location);
  constexpr double kMostTimesteps = 1e6;
  const double timesteps = positive_number(json, "num_train_timesteps", 1000, location);
  if (timesteps != std::floor(timesteps) || timesteps > kMostTimesteps)
    fail(location, "num_train_timesteps is " + shown(json.at("num_train_timesteps")) +
                       "; it must be a whole number, at most 1000000");
  config.num_train_timesteps = static_cast<int>(timesteps);
  return config;
}

}  // namespace sd35
