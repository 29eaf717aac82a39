#include "interrupt.h"

#include <unistd.h>

#include <atomic>
#include <csignal>

namespace sd35::cli {
namespace {

constexpr int kInterruptedExitCode = 130;
std::atomic<bool> stop_requested = false;
static_assert(std::atomic<bool>::is_always_lock_free);

void on_signal(int /*signal*/) {
  if (stop_requested.exchange(true)) _exit(kInterruptedExitCode);
}

}  // namespace

void catch_interrupts() {
  struct sigaction action = {};
  action.sa_handler = on_signal;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  // A reader that went away shows as a failed write, and a full file system as an error instead of the end of
  // the process.
  action.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &action, nullptr);
  sigaction(SIGXFSZ, &action, nullptr);
}

bool interrupted() { return stop_requested; }

}  // namespace sd35::cli
