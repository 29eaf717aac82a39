#include "serving/jobs/queue.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "serving/http/base64.h"

namespace sd35::serving {
namespace {

constexpr double kUnknownSeconds = 5;
constexpr int kLongestRetry = 120;
constexpr std::chrono::seconds kBetweenIdleCalls{1};
constexpr std::chrono::seconds kBetweenSweeps{1};

constexpr std::size_t kMostEnded = 2000;  // that are kept

std::uint64_t bytes_of(const JobState& state) {
  std::uint64_t bytes = 0;
  for (const auto& picture : state.pictures) bytes += picture->bytes.size();
  return bytes;
}

}  // namespace

JobQueue::JobQueue(QueueLimits limits, Hooks hooks) : limits_(limits), hooks_(std::move(hooks)) {}

JobQueue::~JobQueue() { stop(std::chrono::milliseconds(0)); }

std::shared_ptr<Job> JobQueue::submit(JobRequest request) {
  auto job = std::make_shared<Job>("j_" + random_id(), std::move(request), hooks_.now());
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) throw QueueStopped();
    std::uint64_t bytes = job->request().input_bytes();
    for (const auto& other : waiting_) bytes += other->request().input_bytes();
    if (waiting_.size() >= limits_.length || bytes > limits_.input_bytes) throw QueueFull(expected_seconds());
    job->queued(static_cast<int>(waiting_.size()));
    waiting_.push_back(job);
    jobs_.push_back(job);
  }
  changed_.notify_all();
  return job;
}

std::shared_ptr<Job> JobQueue::find(const std::string& id) {
  forget_old_if_due();
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find(jobs_, id, &Job::id);
  return found == jobs_.end() ? nullptr : *found;
}

std::vector<std::shared_ptr<Job>> JobQueue::recent(std::size_t count) {
  forget_old_if_due();
  const std::lock_guard lock(mutex_);
  const std::size_t size = std::min(count, jobs_.size());
  return {jobs_.rbegin(), jobs_.rbegin() + static_cast<std::ptrdiff_t>(size)};
}

void JobQueue::cancel(const std::shared_ptr<Job>& job, bool at_once) {
  bool waited = false;
  std::deque<std::shared_ptr<Job>> waiting;
  {
    const std::lock_guard lock(mutex_);
    waited = std::erase(waiting_, job) > 0;
    waiting = waiting_;
  }
  job->ask_to_cancel(at_once);
  if (!waited) return;
  job->cancelled(hooks_.now());
  hooks_.ended(*job);
  tell_positions(waiting);
}

std::size_t JobQueue::waiting() const {
  const std::lock_guard lock(mutex_);
  return waiting_.size();
}

bool JobQueue::has_room() const {
  const std::lock_guard lock(mutex_);
  return !stopping_ && waiting_.size() < limits_.length;
}

std::shared_ptr<Job> JobQueue::running() const {
  const std::lock_guard lock(mutex_);
  return running_;
}

void JobQueue::start() {
  thread_ = std::thread([this] {
    while (true) {
      if (draw_next()) continue;
      hooks_.idle();
      std::unique_lock lock(mutex_);
      if (stopping_) return;
      changed_.wait_for(lock, kBetweenIdleCalls, [this] { return stopping_ || !waiting_.empty(); });
    }
  });
}

bool JobQueue::draw_next() {
  const std::shared_ptr<Job> job = take_next();
  if (!job) return false;
  draw(job);
  {
    const std::lock_guard lock(mutex_);
    running_ = nullptr;
  }
  changed_.notify_all();
  forget_old();
  return true;
}

std::shared_ptr<Job> JobQueue::take_next() {
  std::deque<std::shared_ptr<Job>> waiting;
  std::shared_ptr<Job> job;
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.empty()) return nullptr;
    running_ = job = waiting_.front();
    waiting_.pop_front();
    waiting = waiting_;
  }
  tell_positions(waiting);
  return job;
}

void JobQueue::tell_positions(const std::deque<std::shared_ptr<Job>>& waiting) {
  for (std::size_t i = 0; i < waiting.size(); ++i) waiting[i]->queued(static_cast<int>(i));
}

void JobQueue::draw(const std::shared_ptr<Job>& job) {
  const Time begin = hooks_.now();
  job->started(begin);
  try {
    hooks_.draw(*job);
    job->done(hooks_.now());
  } catch (const Cancelled&) {
    job->cancelled(hooks_.now());
  } catch (...) {
    job->failed(hooks_.explain(), hooks_.now());
  }
  hooks_.ended(*job);
  const std::chrono::duration<double> seconds = hooks_.now() - begin;
  const std::lock_guard lock(mutex_);
  if (job->state().status == JobStatus::done)
    seconds_of_a_job_ =
        seconds_of_a_job_ == 0 ? seconds.count() : 0.7 * seconds_of_a_job_ + 0.3 * seconds.count();
}

int JobQueue::expected_seconds() const {
  const double seconds = seconds_of_a_job_ > 0 ? seconds_of_a_job_ : kUnknownSeconds;
  return std::clamp(static_cast<int>(std::ceil(seconds)), 1, kLongestRetry);
}

void JobQueue::forget_old_if_due() {
  {
    const std::lock_guard lock(mutex_);
    if (hooks_.now() - looked_ < kBetweenSweeps) return;
  }
  forget_old();
}

void JobQueue::forget_old() {
  const Time now = hooks_.now();
  const std::lock_guard lock(mutex_);
  looked_ = now;
  std::uint64_t bytes = 0;
  std::size_t ended = 0;
  for (auto job = jobs_.rbegin(); job != jobs_.rend(); ++job) {  // the newest first
    const JobState state = (*job)->state();
    if (!state.ended()) continue;
    bytes += bytes_of(state);
    const bool first = ended++ == 0, old = now - state.finished.value() > limits_.kept;
    if (old || ended > kMostEnded || (!first && bytes > limits_.kept_bytes)) *job = nullptr;
  }
  std::erase(jobs_, nullptr);
}

void JobQueue::stop(std::chrono::milliseconds drain) {
  std::deque<std::shared_ptr<Job>> waiting;
  std::shared_ptr<Job> running;
  {
    std::unique_lock lock(mutex_);
    stopping_ = true;
    waiting = std::exchange(waiting_, {});
  }
  changed_.notify_all();
  for (const auto& job : waiting) {
    job->failed({503, "server_stopping", "the server is stopping", ""}, hooks_.now());
    hooks_.ended(*job);
  }
  {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, drain, [this] { return running_ == nullptr; });
    running = running_;
  }
  if (running) running->ask_to_cancel(true);
  if (thread_.joinable()) thread_.join();
}

}  // namespace sd35::serving
