// Work done ahead of its use.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "core/error.h"

namespace sd35 {

// Returns prepare(first), prepare(first + 1) ... in order, computed by threads of its own up to `ahead`
// numbers before they are asked for. next() is for one thread.
template <class T>
class Prefetcher {
 public:
  using Prepare = std::function<T(std::int64_t number)>;

  // With several threads `prepare` must allow concurrent calls. Throws ArgumentError unless ahead and threads
  // are at least 1.
  Prefetcher(std::int64_t first, int ahead, Prepare prepare, int threads = 1)
      : prepare_(std::move(prepare)), ahead_(ahead), asked_(first), started_(first) {
    if (ahead < 1 || threads < 1) throw ArgumentError("a prefetcher needs at least one thread and place");
    for (int i = 0; i < std::min(threads, ahead); ++i)
      threads_.emplace_back([this](const std::stop_token& stop) { work(stop); });
  }
  // Waits for the calls of `prepare` under way; no other is made.
  ~Prefetcher() {
    for (std::jthread& thread : threads_) thread.request_stop();
  }
  Prefetcher(const Prefetcher&) = delete;
  Prefetcher& operator=(const Prefetcher&) = delete;

  // The next result, waiting for it; rethrows what its `prepare` threw, after which the following one is
  // next.
  T next() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return results_.contains(asked_); });
    Result result = std::move(results_.extract(asked_).mapped());
    ++asked_;
    changed_.notify_all();
    lock.unlock();
    if (result.error) std::rethrow_exception(result.error);
    return std::move(*result.value);
  }

 private:
  struct Result {
    std::optional<T> value;
    std::exception_ptr error;
  };

  void work(const std::stop_token& stop) {
    for (;;) {
      std::unique_lock lock(mutex_);
      if (!changed_.wait(lock, stop, [this] { return started_ < asked_ + ahead_; })) return;
      if (stop.stop_requested()) return;
      const std::int64_t number = started_++;
      lock.unlock();
      Result result;
      try {
        result.value.emplace(prepare_(number));
      } catch (...) {
        result.error = std::current_exception();
      }
      lock.lock();
      results_.emplace(number, std::move(result));
      changed_.notify_all();
    }
  }

  Prepare prepare_;
  std::int64_t ahead_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::int64_t asked_;    // the number that next() gives
  std::int64_t started_;  // the number that a thread takes next
  std::map<std::int64_t, Result> results_;
  std::vector<std::jthread> threads_;  // last: they end before what they use
};

}  // namespace sd35
