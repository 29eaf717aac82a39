#include "serving/metrics.h"

#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <stdexcept>

#include "sd35/sd35.h"

namespace sd35::serving {
namespace {

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.10g", value);
  return text;
}

std::string written(const Labels& labels) {
  std::string text;
  for (const auto& [name, value] : labels)
    text += (text.empty() ? "" : ",") + std::string(name) + "=\"" + value + "\"";
  return text;
}

std::string in_braces(const std::string& labels) { return labels.empty() ? "" : "{" + labels + "}"; }

double resident_bytes() {
  std::ifstream file("/proc/self/statm");
  double pages = 0, resident = 0;
  file >> pages >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

}  // namespace

Metrics::Metrics() {
  families_ = {
      {"sd35_http_requests_total", {"counter", "Requests answered.", {}}},
      {"sd35_http_request_seconds",
       {"histogram", "From the head of a request to the end of its answer.", {}}},
      {"sd35_connections", {"gauge", "Connections that are open.", {}}},
      {"sd35_jobs_total", {"counter", "Jobs that ended.", {}}},
      {"sd35_queue_length", {"gauge", "Jobs that wait.", {}}},
      {"sd35_job_wait_seconds", {"histogram", "From asking to drawing.", {}}},
      {"sd35_job_seconds", {"histogram", "Stages of jobs.", {}}},
      {"sd35_step_seconds", {"histogram", "Steps of denoising.", {}}},
      {"sd35_pictures_total", {"counter", "Pictures drawn.", {}}},
      {"sd35_models_loaded", {"gauge", "Models whose weights are in memory.", {}}},
      {"sd35_sse_subscribers", {"gauge", "Streams of events that are open.", {}}},
      {"sd35_previews_dropped_total", {"counter", "Previews that a reader was too slow for.", {}}},
      {"process_resident_memory_bytes", {"gauge", "Resident memory.", {}}},
      {"sd35_build_info", {"gauge", "The version, as a label.", {}}},
  };
  for (auto& [name, family] : families_)
    if (std::string_view(family.type) == "gauge" || name == "sd35_pictures_total" ||
        name == "sd35_previews_dropped_total")
      family.series[""];
  families_.at("sd35_build_info").series = {{written({{"version", version()}}), {1, 0, {}}}};
}

void Metrics::add(std::string_view name, const Labels& labels, double by) {
  const std::lock_guard lock(mutex_);
  families_.at(std::string(name)).series[written(labels)].value += by;
}

void Metrics::set(std::string_view name, double value) {
  const std::lock_guard lock(mutex_);
  families_.at(std::string(name)).series[""].value = value;
}

void Metrics::observe(std::string_view name, double seconds, const Labels& labels) {
  const std::lock_guard lock(mutex_);
  Series& series = families_.at(std::string(name)).series[written(labels)];
  series.value += seconds;
  ++series.count;
  for (std::size_t i = 0; i < kBounds.size(); ++i) series.below[i] += seconds <= kBounds[i];
}

double Metrics::value(std::string_view name, const Labels& labels) const {
  const std::lock_guard lock(mutex_);
  const auto& series = families_.at(std::string(name)).series;
  const auto found = series.find(written(labels));
  return found == series.end() ? 0 : found->second.value;
}

void Metrics::write(std::string& text, const std::string& name, const Family& family) const {
  text += "# HELP " + name + " " + family.help + "\n# TYPE " + name + " " + family.type + "\n";
  for (const auto& [labels, series] : family.series) {
    if (std::string_view(family.type) != "histogram") {
      text += name + in_braces(labels) + " " + number(series.value) + "\n";
      continue;
    }
    const std::string before = labels.empty() ? "" : labels + ",";
    for (std::size_t i = 0; i < kBounds.size(); ++i)
      text += name + "_bucket{" + before + "le=\"" + number(kBounds[i]) + "\"} " +
              std::to_string(series.below[i]) + "\n";
    text += name + "_bucket{" + before + "le=\"+Inf\"} " + std::to_string(series.count) + "\n";
    text += name + "_sum" + in_braces(labels) + " " + number(series.value) + "\n";
    text += name + "_count" + in_braces(labels) + " " + std::to_string(series.count) + "\n";
  }
}

std::string Metrics::text() const {
  const double resident = resident_bytes();
  const std::lock_guard lock(mutex_);
  std::string text;
  for (const auto& [name, family] : families_) {
    if (name == "process_resident_memory_bytes") {
      text += "# HELP " + name + " " + family.help + "\n# TYPE " + name + " gauge\n" + name + " " +
              number(resident) + "\n";
      continue;
    }
    write(text, name, family);
  }
  return text;
}

}  // namespace sd35::serving
