#include "serving/log.h"

#include <chrono>
#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>

#include "sd35/error.h"

namespace sd35::serving {
namespace {

std::string now() {
  const auto time = std::chrono::system_clock::now();
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  const auto milliseconds =
      std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count() % 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[40];
  const std::size_t size = std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text + size, sizeof(text) - size, ".%03dZ", static_cast<int>(milliseconds));
  return text;
}

std::string dumped(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

// Texts with blanks, and what could be taken for another field, in quotes.
std::string shown(const nlohmann::ordered_json& value) {
  if (!value.is_string()) return dumped(value);
  const std::string text = printable(value.get<std::string>());
  return text.empty() || text.find_first_of(" \"=") != text.npos ? dumped(text) : text;
}

}  // namespace

void Log::write(const nlohmann::ordered_json& fields) {
  nlohmann::ordered_json json{{"time", now()}};
  json.update(fields);
  std::string line;
  if (json_) line = dumped(json);
  if (!json_)
    for (const auto& [key, value] : json.items())
      line += (line.empty() ? "" : " ") + (key == "time" ? std::string() : key + "=") + shown(value);
  const std::lock_guard lock(mutex_);
  std::fprintf(stderr, "%s\n", line.c_str());
}

void Log::warn(const std::string& message) { write({{"warning", message}}); }

}  // namespace sd35::serving
