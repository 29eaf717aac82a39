// The log of a training run: JSON lines, events for TensorBoard, a chart.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "metrics/event_file.h"
#include "metrics/loss_chart.h"

namespace sd35 {

class MetricsLog {
 public:
  // Continues the log in the folder of a run whose first `resume_step` steps are done: what it says of
  // later steps, and half a line that a kill left, is dropped. Throws FileError.
  MetricsLog(const std::filesystem::path& folder, std::int64_t resume_step);
  // One line in metrics.jsonl, {"step": ..., name: value, ...}, and an event. Throws FileError when the disk
  // is full.
  void log(std::int64_t step, const std::map<std::string, double>& values);
  // chart.svg: every value whose name ends in "loss".
  void write_chart() const;

 private:
  void remember(std::int64_t step, const std::string& name, double value);

  std::filesystem::path folder_;
  std::map<std::string, Curve> losses_;
  std::ofstream lines_;
  EventFile events_;
};

}  // namespace sd35
