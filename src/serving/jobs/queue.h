// The jobs of a server: those that wait, the one that is drawn, those whose results are kept.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "sd35/error.h"
#include "serving/jobs/job.h"

namespace sd35::serving {

struct QueueLimits {
  std::size_t length = 64;                  // jobs that wait
  std::uint64_t input_bytes = 512'000'000;  // of their input pictures
  std::uint64_t kept_bytes = 256'000'000;   // of results of jobs that ended
  std::chrono::seconds kept{600};           // how long
};

// No room for another job.
class QueueFull : public Error {
 public:
  explicit QueueFull(int seconds) : Error("the queue is full"), seconds_(seconds) {}
  int retry_after_seconds() const { return seconds_; }

 private:
  int seconds_;
};

// The server is about to end.
class QueueStopped : public Error {
 public:
  QueueStopped() : Error("the server is stopping") {}
};

// For any thread.
class JobQueue {
 public:
  struct Hooks {
    // Draws a job and tells it what happens, except its end: that comes from returning, throwing Cancelled, or
    // `explain`.
    std::function<void(Job&)> draw;
    // What a client is told of the exception in flight.
    std::function<JobError()> explain;
    std::function<void(const Job&)> ended = [](const Job&) {};
    std::function<void()> idle = [] {};  // about once a second while there is nothing to draw
    std::function<Time()> now = [] { return std::chrono::system_clock::now(); };
  };

  JobQueue(QueueLimits limits, Hooks hooks);
  ~JobQueue();
  JobQueue(const JobQueue&) = delete;
  JobQueue& operator=(const JobQueue&) = delete;

  // Throws QueueFull and QueueStopped.
  std::shared_ptr<Job> submit(JobRequest request);
  // Null: there is none, or no more.
  std::shared_ptr<Job> find(const std::string& id);
  // The newest first.
  std::vector<std::shared_ptr<Job>> recent(std::size_t count);
  // A job that waits is cancelled now, one that is drawn soon; one that ended stays as it is.
  void cancel(const std::shared_ptr<Job>& job, bool at_once = false);

  std::size_t waiting() const;
  std::size_t most_waiting() const { return limits_.length; }
  bool has_room() const;
  // The job that is being drawn; null: none.
  std::shared_ptr<Job> running() const;

  // Draws in a thread of its own, until stop().
  void start();
  // Draws the next job on this thread. False: there is none.
  bool draw_next();
  // Takes no more jobs; those that wait fail, and the one that is drawn is cancelled unless it ends within
  // `drain`. Returns when nothing is drawn any more.
  void stop(std::chrono::milliseconds drain);

 private:
  std::shared_ptr<Job> take_next();
  void draw(const std::shared_ptr<Job>& job);
  void tell_positions(const std::deque<std::shared_ptr<Job>>& waiting);
  void forget_old();  // looks at all jobs
  void forget_old_if_due();
  int expected_seconds() const;

  const QueueLimits limits_;
  const Hooks hooks_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<Job>> waiting_;
  std::shared_ptr<Job> running_;
  std::deque<std::shared_ptr<Job>> jobs_;  // all that are known, the oldest first
  bool stopping_ = false;
  Time looked_;                  // when forget_old() did last
  double seconds_of_a_job_ = 0;  // a moving mean; 0: not known
  std::thread thread_;
};

}  // namespace sd35::serving
