#include "serving/dialects/awaited_job.h"

#include <atomic>
#include <utility>

namespace sd35::serving {
namespace {

// Held by the job's list of who wants to know, until it has ended.
struct Waiter {
  std::function<void(const JobState&)> then;
  std::atomic<bool> called = false;
};

}  // namespace

void cancel_with_client(Exchange& exchange, const std::shared_ptr<Job>& job, JobQueue& jobs) {
  exchange.on_disconnect([&jobs, job] { jobs.cancel(job, true); });
}

void when_ended(const std::shared_ptr<Exchange>& exchange, const std::shared_ptr<Job>& job, JobQueue& jobs,
                std::function<void(const JobState&)> then) {
  cancel_with_client(*exchange, job, jobs);
  const auto waiter = std::make_shared<Waiter>();
  waiter->then = std::move(then);
  const auto look = [waiter, weak = std::weak_ptr(job)] {
    const auto watched = weak.lock();
    if (!watched) return;
    const JobState state = watched->state();
    if (state.ended() && !waiter->called.exchange(true)) std::exchange(waiter->then, nullptr)(state);
  };
  job->subscribe(look);
  look();  // it may have ended in between
}

}  // namespace sd35::serving
