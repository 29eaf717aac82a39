// What happens to a job, in the order in which it happens.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace sd35::serving {

enum class JobStatus : std::uint8_t { queued, running, done, failed, cancelled };
const char* name_of(JobStatus status);

struct JobProgress {
  std::string stage;  // "load", "encode_prompt", "encode_picture", "denoise", "decode"
  int picture = 0;    // its index
  int pictures = 1;   // of the whole job
  int step = 0;       // done of `steps`, while denoising
  int steps = 0;
  double fraction = 0;                // of the stage
  double whole = 0;                   // of the job
  std::optional<double> eta_seconds;  // to the end of the job, once it can be told
};

// A file in memory.
struct EncodedPicture {
  std::string bytes;
  std::string format;
  int width = 0, height = 0;
  std::uint64_t seed = 0;
  std::string parameters = {};  // the text about it that many programs read
};
using EncodedPicturePointer = std::shared_ptr<const EncodedPicture>;

// Why a job failed, in words that are fit for strangers.
struct JobError {
  int status = 500;  // as HTTP has it
  std::string code;  // "numeric_error"
  std::string message;
  std::string field;  // of the options; empty: none
};

enum class EventKind : std::uint8_t {
  queued,
  started,
  progress,
  preview,
  partial,
  warning,
  done,
  failed,
  cancelled
};
const char* name_of(EventKind kind);
inline bool is_last(EventKind kind) { return kind >= EventKind::done; }

struct JobEvent {
  std::uint64_t id = 0;  // from 1
  EventKind kind = EventKind::queued;
  int position = 0;                    // of queued: how many wait before it
  JobProgress progress = {};           // of progress, preview, partial
  EncodedPicturePointer picture = {};  // of preview, partial
  int number = 0;                      // of previews and partial pictures, each counted from 0
  std::string text = {};               // of warning
};

}  // namespace sd35::serving
