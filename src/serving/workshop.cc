#include "serving/workshop.h"

#include <future>
#include <utility>

namespace sd35::serving {

Workshop::Workshop(std::size_t most_waiting) : most_waiting_(most_waiting), thread_([this] { loop(); }) {}

void Workshop::wait() {
  std::promise<void> done;
  if (run([&] { done.set_value(); })) done.get_future().wait();
}

void Workshop::stop() {
  std::deque<std::function<void()>> dropped;
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    dropped.swap(waiting_);
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

bool Workshop::run(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    if (ending_ || waiting_.size() >= most_waiting_) return false;
    waiting_.push_back(std::move(work));
  }
  changed_.notify_all();
  return true;
}

void Workshop::loop() {
  while (true) {
    std::function<void()> work;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return ending_ || !waiting_.empty(); });
      if (ending_) return;
      work = std::move(waiting_.front());
      waiting_.pop_front();
    }
    work();
  }
}

}  // namespace sd35::serving
