#include "metrics/metrics_log.h"

#include <nlohmann/json.hpp>
#include <span>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/file_reader.h"

namespace sd35 {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kLines = "metrics.jsonl";
constexpr std::uint64_t kLargestLog = std::uint64_t{1} << 34;

void write_whole(const fs::path& path, const std::string& text) {
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(text)));
  file.commit();
}

bool is_entry(const json& line) {
  return line.is_object() && line.contains("step") && line.at("step").is_number_integer();
}

}  // namespace

MetricsLog::MetricsLog(const fs::path& folder, std::int64_t resume_step)
    : folder_(folder), events_(folder, resume_step == 0 ? 0 : resume_step + 1) {
  std::string kept;
  std::error_code error;
  if (fs::exists(folder / kLines, error))
    for_each_line(folder / kLines, kLargestLog, [&](std::int64_t, std::string_view text) {
      const json line = json::parse(text, nullptr, false);
      if (!is_entry(line) || line.at("step").get<std::int64_t>() > resume_step) return;
      for (const auto& [name, value] : line.items())
        if (value.is_number()) remember(line.at("step"), name, value);
      kept.append(text).append("\n");
    });
  write_whole(folder / kLines, kept);
  lines_.open(folder / kLines, std::ios::app);
}

void MetricsLog::remember(std::int64_t step, const std::string& name, double value) {
  if (name.ends_with("loss")) losses_[name].emplace_back(step, value);
}

void MetricsLog::log(std::int64_t step, const std::map<std::string, double>& values) {
  nlohmann::ordered_json line{{"step", step}};
  for (const auto& [name, value] : values) {
    line[name] = value;
    remember(step, name, value);
  }
  lines_ << line.dump() + "\n" << std::flush;
  if (!lines_) throw FileError((folder_ / kLines).string() + " cannot be written", {}, folder_ / kLines);
  events_.add(step, values);
}

void MetricsLog::write_chart() const { write_whole(folder_ / "chart.svg", draw_curves(losses_)); }

}  // namespace sd35
