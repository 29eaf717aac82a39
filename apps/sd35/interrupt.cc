#include "interrupt.h"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstring>
#include <initializer_list>

#include "exit_code.h"
#include "sd35/mapped_file.h"

namespace sd35::cli {
namespace {

std::atomic<bool> stop_requested = false;
static_assert(std::atomic<bool>::is_always_lock_free);

void stop(int signal) {
  // The system repeats SIGXCPU every second.
  if (stop_requested.exchange(true) && signal != SIGXCPU) _exit(kInterrupted);
}

void go_on(int /*signal*/) {}

void say(const char* text) {
  // Nobody is left to report a failure to.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text, std::strlen(text));
}

void end_on_cut_file(int signal, siginfo_t* fault, void* /*context*/) {
  const char* file = mapped_file_at(fault->si_addr);
  if (file == nullptr) {  // not ours: as if there were no handler, when the instruction is tried again
    std::signal(signal, SIG_DFL);
    return;
  }
  say("sd35: cannot read ");
  say(file);
  say(": it was cut short meanwhile, or its disk fails\n");
  _exit(kFile);
}

void handle(std::initializer_list<int> signals, void (*handler)(int), int flags = 0) {
  struct sigaction action = {};
  action.sa_handler = handler;
  action.sa_flags = flags;
  for (const int signal : signals) sigaction(signal, &action, nullptr);
}

}  // namespace

void handle_signals() {
  handle({SIGINT, SIGTERM, SIGXCPU}, stop);
  struct sigaction present = {};
  sigaction(SIGHUP, nullptr, &present);
  if (present.sa_handler != SIG_IGN) handle({SIGHUP}, stop);  // nohup ignores it for us
  // A reader that went away shows as a failed write, and a full file system as an error instead of the end of
  // the process. Handled, not ignored: a child would go on ignoring them.
  handle({SIGPIPE, SIGXFSZ}, go_on, SA_RESTART);
  struct sigaction action = {};
  action.sa_sigaction = end_on_cut_file;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGBUS, &action, nullptr);
}

bool interrupted() { return stop_requested; }

}  // namespace sd35::cli
