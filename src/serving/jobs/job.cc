#include "serving/jobs/job.h"

#include <utility>

namespace sd35::serving {
namespace {

// More of one job would tell nobody anything.
constexpr std::size_t kMostWarnings = 100;

bool replaces_older(EventKind kind) {
  return kind == EventKind::queued || kind == EventKind::progress || kind == EventKind::preview;
}

}  // namespace

const char* name_of(JobStatus status) {
  switch (status) {
    case JobStatus::queued:
      return "queued";
    case JobStatus::running:
      return "running";
    case JobStatus::done:
      return "done";
    case JobStatus::failed:
      return "failed";
    case JobStatus::cancelled:
      return "cancelled";
  }
  return "";
}

const char* name_of(EventKind kind) {
  constexpr const char* kNames[] = {"queued",  "started", "progress", "preview",  "partial",
                                    "warning", "done",    "failed",   "cancelled"};
  return kNames[static_cast<int>(kind)];
}

Job::Job(std::string id, JobRequest request, Time created)
    : id_(std::move(id)), request_(std::move(request)) {
  state_.created = created;
  state_.warnings = request_.warnings;
}

JobState Job::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

std::optional<JobEvent> Job::next_event(std::uint64_t after) const {
  const std::lock_guard lock(mutex_);
  const auto next = events_.upper_bound(after);
  if (next == events_.end()) return std::nullopt;
  return next->second;
}

int Job::subscribe(std::function<void()> wake) {
  const std::lock_guard lock(mutex_);
  subscribers_[++last_subscription_] = std::move(wake);
  return last_subscription_;
}

void Job::unsubscribe(int subscription) {
  const std::lock_guard lock(mutex_);
  subscribers_.erase(subscription);
}

void Job::ask_to_cancel(bool at_once) {
  const std::lock_guard lock(mutex_);
  cancel_asked_ = true;
  cancel_at_once_ = cancel_at_once_ || at_once;
}

bool Job::cancel_asked() const {
  const std::lock_guard lock(mutex_);
  return cancel_asked_;
}

bool Job::cancel_at_once() const {
  const std::lock_guard lock(mutex_);
  return cancel_at_once_;
}

void Job::publish(EventKind kind, const std::function<void(JobEvent&)>& change) {
  std::map<int, std::function<void()>> awake;
  {
    const std::lock_guard lock(mutex_);
    if (state_.ended()) return;
    if (kind == EventKind::queued && state_.status != JobStatus::queued) return;  // it came too late
    JobEvent event;
    event.id = ++last_event_;
    event.kind = kind;
    change(event);
    if (replaces_older(kind))
      std::erase_if(events_, [&](const auto& each) { return each.second.kind == kind; });
    events_.emplace(event.id, std::move(event));
    awake = subscribers_;
  }
  for (const auto& [number, wake] : awake) wake();
}

void Job::queued(int position) {
  publish(EventKind::queued, [&](JobEvent& event) { event.position = state_.position = position; });
}

void Job::started(Time now) {
  publish(EventKind::started, [&](JobEvent&) {
    state_.status = JobStatus::running;
    state_.position = 0;
    state_.started = now;
  });
  for (const std::string& text : request_.warnings)
    publish(EventKind::warning, [&](JobEvent& event) { event.text = text; });
}

void Job::progress(const JobProgress& progress) {
  publish(EventKind::progress, [&](JobEvent& event) {
    event.progress = progress;
    state_.progress = progress;
  });
}

void Job::preview(EncodedPicturePointer picture, int step) {
  publish(EventKind::preview, [&](JobEvent& event) {
    event.progress = state_.progress.value_or(JobProgress());
    event.progress.step = step;
    event.number = previews_++;
    event.picture = state_.preview = std::move(picture);
  });
}

void Job::partial(EncodedPicturePointer picture, int step) {
  publish(EventKind::partial, [&](JobEvent& event) {
    event.progress = state_.progress.value_or(JobProgress());
    event.progress.step = step;
    event.number = partials_++;
    event.picture = std::move(picture);
  });
}

void Job::warning(const std::string& text) {
  if (state().warnings.size() >= kMostWarnings) return;
  publish(EventKind::warning, [&](JobEvent& event) {
    event.text = text;
    state_.warnings.push_back(text);
  });
}

void Job::picture(EncodedPicturePointer picture) {
  const std::lock_guard lock(mutex_);
  if (!state_.ended()) state_.pictures.push_back(std::move(picture));
}

void Job::end(EventKind kind, JobStatus status, Time now, std::optional<JobError> error) {
  publish(kind, [&](JobEvent&) {
    state_.status = status;
    state_.position = 0;
    state_.finished = now;
    state_.error = std::move(error);
    state_.preview = nullptr;
    request_.drop_inputs();
  });
}

void Job::done(Time now) { end(EventKind::done, JobStatus::done, now); }
void Job::failed(JobError error, Time now) {
  end(EventKind::failed, JobStatus::failed, now, std::move(error));
}
void Job::cancelled(Time now) { end(EventKind::cancelled, JobStatus::cancelled, now); }

std::optional<JobEvent> EventReader::next() {
  std::optional<JobEvent> event = job_->next_event(last_);
  if (!event) return event;
  last_ = event->id;
  if (event->kind == EventKind::preview) {
    missed_previews_ += event->number - previews_;
    previews_ = event->number + 1;
  }
  return event;
}

}  // namespace sd35::serving
