// A thread for what takes too long for the thread of the network: large bodies, pictures, opening models.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace sd35::serving {

class Workshop {
 public:
  explicit Workshop(std::size_t most_waiting = 256);
  ~Workshop() { stop(); }
  Workshop(const Workshop&) = delete;
  Workshop& operator=(const Workshop&) = delete;

  // Runs `work`, which must not throw, after what came before. False: too much waits already, or it has stopped.
  bool run(std::function<void()> work);
  // Returns when everything that has come so far is done.
  void wait();
  // Ends the thread when it is done with what it does now; what waits is dropped.
  void stop();

 private:
  void loop();

  const std::size_t most_waiting_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> waiting_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace sd35::serving
