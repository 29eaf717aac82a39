#include "core/yielding.h"

#include <omp.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <optional>
#include <string>
#include <system_error>

#include "core/threads.h"

namespace sd35 {
namespace {

constexpr std::chrono::milliseconds kPeriod(20);

// False when a stop was asked for, before or meanwhile.
bool sleep_for(const std::stop_token& stop, std::chrono::steady_clock::duration time) {
  std::mutex mutex;
  std::condition_variable_any woken;
  std::unique_lock lock(mutex);
  woken.wait_for(lock, stop, time, [] { return false; });
  return !stop.stop_requested();
}

void watch(const std::stop_token& stop) {
  using Clock = std::chrono::steady_clock;
  std::optional<SleepingTeam> team;
  Contention contention;
  // The watcher itself has to wait where our own threads keep all cores busy.
  const std::string own = std::to_string(::gettid());
  const auto without_core = [&] { return nanoseconds_without_core("/proc/self/task", own); };
  Clock::time_point then = Clock::now();
  std::uint64_t waited = without_core();
  Clock::duration looking{};  // takes long where there are many threads
  while (sleep_for(stop, std::max<Clock::duration>(kPeriod, 20 * looking))) {
    const Clock::time_point now = Clock::now();
    const std::uint64_t waits = without_core();
    looking = Clock::now() - now;
    // The count of threads that ended is gone with them.
    const double without = waits > waited ? static_cast<double>(waits - waited) : 0;
    const bool contended =
        contention.after(without / std::chrono::duration<double, std::nano>(now - then).count());
    if (!contended)
      team.reset();
    else if (!team && can_start(SleepingTeam::size() + 1))
      team.emplace();
    then = now;
    waited = waits;
  }
}

bool waiting_is_chosen() {
  return std::getenv("GOMP_SPINCOUNT") != nullptr || std::getenv("OMP_WAIT_POLICY") != nullptr;
}

}  // namespace

std::uint64_t nanoseconds_without_core(const std::filesystem::path& tasks, const std::string& except) {
  std::uint64_t sum = 0;
  std::error_code ended;  // a thread, while we look
  for (std::filesystem::directory_iterator task(tasks, ended), end; task != end; task.increment(ended)) {
    if (task->path().filename() == except) continue;
    std::ifstream file(task->path() / "schedstat");  // running, ready without a core, times
    std::uint64_t running = 0, without = 0;
    if (file >> running >> without) sum += without;
    if (ended) break;
  }
  return sum;
}

bool Contention::after(double share) {
  calm_ = share > kLittle ? 0 : calm_ + 1;
  return calm_ < kWhile;
}

YieldWhenBusy::YieldWhenBusy() {
  if (thread_count() == 1 || waiting_is_chosen() || !can_start(thread_count() + 1)) return;
  watcher_ = std::jthread(watch);
}

SleepingTeam::SleepingTeam()
    : first_([](const std::stop_token& stop) {
        const OpenMpThreads exactly(size());
        std::atomic<int> threads = 0;  // an empty region would be left out
#pragma omp parallel
        ++threads;
        while (sleep_for(stop, std::chrono::hours(1))) {
        }
      }) {
}

int SleepingTeam::size() { return omp_get_num_procs() + 1; }

}  // namespace sd35
