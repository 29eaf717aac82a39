#include "metrics/metrics_log.h"

#include <nlohmann/json.hpp>

namespace sd35 {

MetricsLog::MetricsLog(const std::filesystem::path& folder, std::int64_t /*resume_step*/)
    : file_(folder / "metrics.jsonl", std::ios::app) {}

void MetricsLog::log(std::int64_t step, const std::map<std::string, double>& values) {
  nlohmann::ordered_json line{{"step", step}};
  for (const auto& [name, value] : values) line[name] = value;
  file_ << line.dump() << std::endl;
}

void MetricsLog::write_chart() {}

}  // namespace sd35
