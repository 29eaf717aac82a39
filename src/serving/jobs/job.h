// One request for pictures: its state, its events, its results.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "serving/jobs/job_event.h"
#include "serving/jobs/job_request.h"

namespace sd35::serving {

using Time = std::chrono::system_clock::time_point;

// As it is at one moment.
struct JobState {
  JobStatus status = JobStatus::queued;
  int position = 0;
  std::optional<JobProgress> progress;
  std::vector<std::string> warnings;
  std::vector<EncodedPicturePointer> pictures;
  EncodedPicturePointer preview;  // the last
  std::optional<JobError> error;
  Time created;
  std::optional<Time> started, finished;

  bool ended() const { return status >= JobStatus::done; }
};

// For any thread. Of the events that only tell how far the job is (queued, progress, preview) the last one of
// each kind is kept, so that a reader who is slow costs no memory.
class Job {
 public:
  Job(std::string id, JobRequest request, Time created);

  const std::string& id() const { return id_; }
  // Its input pictures are there until the job ends, and are for whoever draws.
  const JobRequest& request() const { return request_; }
  JobState state() const;

  // The first event after the one with the number `after` (0: the first of all) that is still kept.
  std::optional<JobEvent> next_event(std::uint64_t after) const;
  // Calls `wake` whenever there are more, on the thread that makes them, until unsubscribe().
  int subscribe(std::function<void()> wake);
  void unsubscribe(int subscription);

  // Asks for an end; whoever draws looks at it. `at_once`: nobody waits for pictures that are nearly there.
  void ask_to_cancel(bool at_once = false);
  bool cancel_asked() const;
  bool cancel_at_once() const;

  // What the queue and whoever draws say; after the end nothing changes any more.
  void queued(int position);
  void started(Time now);
  void progress(const JobProgress& progress);
  void preview(EncodedPicturePointer picture, int step);
  void partial(EncodedPicturePointer picture, int step);
  void warning(const std::string& text);
  void picture(EncodedPicturePointer picture);
  void done(Time now);
  void failed(JobError error, Time now);
  void cancelled(Time now);

 private:
  // Calls `change`, which may fill in the event, unless the job has ended.
  void publish(EventKind kind, const std::function<void(JobEvent&)>& change);
  void end(EventKind kind, JobStatus status, Time now, std::optional<JobError> error = {});

  const std::string id_;
  JobRequest request_;
  mutable std::mutex mutex_;
  JobState state_;
  bool cancel_asked_ = false, cancel_at_once_ = false;
  std::map<std::uint64_t, JobEvent> events_;
  std::uint64_t last_event_ = 0;
  int previews_ = 0, partials_ = 0;
  std::map<int, std::function<void()>> subscribers_;
  int last_subscription_ = 0;
};

// Reads a job's events one after another.
class EventReader {
 public:
  // Events after the one with the number `after`.
  EventReader(std::shared_ptr<Job> job, std::uint64_t after) : job_(std::move(job)), last_(after) {}
  ~EventReader() {
    if (subscription_ > 0) job_->unsubscribe(subscription_);
  }
  EventReader(const EventReader&) = delete;
  EventReader& operator=(const EventReader&) = delete;

  void on_more(std::function<void()> wake) { subscription_ = job_->subscribe(std::move(wake)); }
  std::optional<JobEvent> next();
  // Previews that were replaced before they were read.
  int missed_previews() const { return missed_previews_; }

 private:
  std::shared_ptr<Job> job_;
  std::uint64_t last_;
  int subscription_ = 0;
  int previews_ = 0;  // read or missed
  int missed_previews_ = 0;
};

}  // namespace sd35::serving
