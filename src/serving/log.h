// What the server tells its operator: a line each, on stderr.
#pragma once

#include <cstdint>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace sd35::serving {

// For any thread.
class Log {
 public:
  explicit Log(bool json) : json_(json) {}

  // The fields of an object, in their order; text: "time key=value ...".
  void write(const nlohmann::ordered_json& fields);
  void warn(const std::string& message);

 private:
  const bool json_;
  std::mutex mutex_;
};

}  // namespace sd35::serving
