// The log of a training run.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

namespace sd35 {

// Appends to metrics.jsonl in the folder of the run.
class MetricsLog {
 public:
  MetricsLog(const std::filesystem::path& folder, std::int64_t resume_step);
  void log(std::int64_t step, const std::map<std::string, double>& values);
  void write_chart();

 private:
  std::ofstream file_;
};

}  // namespace sd35
