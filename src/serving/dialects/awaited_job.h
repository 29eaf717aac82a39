// Requests that are answered when their job has ended.
#pragma once

#include <functional>
#include <memory>

#include "serving/http/exchange.h"
#include "serving/jobs/queue.h"

namespace sd35::serving {

// Calls `then` once, as soon as the job has ended, on the thread that ends it. If the client goes away before,
// the job is cancelled.
void when_ended(const std::shared_ptr<Exchange>& exchange, const std::shared_ptr<Job>& job, JobQueue& jobs,
                std::function<void(const JobState&)> then);

// The job is cancelled if the client goes away before it is answered.
void cancel_with_client(Exchange& exchange, const std::shared_ptr<Job>& job, JobQueue& jobs);

}  // namespace sd35::serving
