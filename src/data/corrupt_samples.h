// What happens when a sample of a batch cannot be read.
#pragma once

#include <cstdint>
#include <mutex>
#include <set>
#include <string>
#include <utility>

#include "core/error.h"
#include "core/file_reader.h"

namespace sd35 {

// Replaces samples that cannot be read, and reports each of those once. Any number of threads may read.
class CorruptSamples {
 public:
  static constexpr int kAttempts = 10;

  // `report` gets one line for each corrupt sample, at its first reading; calls do not overlap.
  explicit CorruptSamples(WarningFunction report = {}) : report_(std::move(report)) {}

  // read(sample) or, if that throws FileError, read(replacement(0)), read(replacement(1)) ...; `sample`
  // becomes the one that was read. With BatchPlan::replacement() the choice is a pure function of the step
  // and the place. Throws FileError when kAttempts in a row cannot be read.
  template <class Read, class Replacement>
  auto read(std::int64_t& sample, Replacement replacement, Read read) {
    for (int attempt = 0;; ++attempt) {
      try {
        return read(sample);
      } catch (const FileError& error) {
        report(sample, error.what());
        if (attempt + 1 == kAttempts)
          throw FileError(
              std::to_string(kAttempts) + " samples in a row cannot be read, the last: " + error.what(), {},
              error.file());
      }
      sample = replacement(attempt);
    }
  }

 private:
  void report(std::int64_t sample, const std::string& message) {
    const std::lock_guard lock(mutex_);
    if (reported_.insert(sample).second && report_) report_("skipped: " + message);
  }

  WarningFunction report_;
  std::mutex mutex_;
  std::set<std::int64_t> reported_;
};

}  // namespace sd35
