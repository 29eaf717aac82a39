#include "text/tokenizers/child_process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <string_view>
#include <system_error>
#include <thread>

#include "core/error.h"

namespace sd35 {
namespace {

namespace fs = std::filesystem;

constexpr auto kPause = std::chrono::milliseconds(30);

std::string reason(int error) { return std::generic_category().message(error); }

// Resets the signals that this program handles or ignores to their defaults.
void restore_signals() {
  struct sigaction action = {};
  action.sa_handler = SIG_DFL;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGXFSZ})
    ::sigaction(signal, &action, nullptr);
}

// Becomes the program, or writes the error to the pipe. Between fork and exec only functions that a signal
// handler may call.
[[noreturn]] void become(const char* program, char* const* argv, const char* folder, const char* log,
                         ::pid_t parent, int error_pipe) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);  // which ended before the line above
  restore_signals();
  int file = -1;
  if (::chdir(folder) == 0 && (file = ::open(log, O_WRONLY | O_CREAT | O_TRUNC, 0600)) >= 0 &&
      ::dup2(file, STDOUT_FILENO) >= 0 && ::dup2(file, STDERR_FILENO) >= 0)
    ::execv(program, argv);
  const int error = errno;
  [[maybe_unused]] const ssize_t written = ::write(error_pipe, &error, sizeof(error));
  ::_exit(127);
}

}  // namespace

std::optional<fs::path> find_program(const std::string& name) {
  const char* path = std::getenv("PATH");
  for (std::string_view rest = path == nullptr ? "" : path; !rest.empty();) {
    const std::size_t end = std::min(rest.find(':'), rest.size());
    const fs::path program = fs::absolute(fs::path(rest.substr(0, end)) / name);
    std::error_code error;
    if (fs::is_regular_file(program, error) && ::access(program.c_str(), X_OK) == 0) return program;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return std::nullopt;
}

ChildProcess::ChildProcess(const fs::path& program, const std::vector<std::string>& arguments,
                           const fs::path& folder, const std::string& log) {
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const auto fail = [&](int error) { throw Error("cannot run " + program.string() + ": " + reason(error)); };
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) fail(errno);
  const ::pid_t parent = ::getpid();
  process_ = ::fork();
  if (process_ == 0) become(program.c_str(), argv.data(), folder.c_str(), log.c_str(), parent, ends[1]);
  const int fork_error = errno;
  ::close(ends[1]);
  int error = 0;
  ssize_t count = 0;
  do {
    count = ::read(ends[0], &error, sizeof(error));  // the end, once the program runs
  } while (count < 0 && errno == EINTR);
  ::close(ends[0]);
  if (process_ < 0) fail(fork_error);
  if (count == sizeof(error)) {
    wait({});
    fail(error);
  }
}

ChildProcess::~ChildProcess() {
  if (process_ < 0) return;
  ::kill(process_, SIGKILL);
  while (::waitpid(process_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

int ChildProcess::wait(const std::function<void()>& meanwhile) {
  for (;;) {
    int status = 0;
    const ::pid_t ended = ::waitpid(process_, &status, WNOHANG);
    if (ended == process_) {
      process_ = -1;
      return status;
    }
    if (ended < 0 && errno != EINTR) throw Error("cannot wait for a program: " + reason(errno));
    if (meanwhile) meanwhile();
    std::this_thread::sleep_for(kPause);
  }
}

}  // namespace sd35
