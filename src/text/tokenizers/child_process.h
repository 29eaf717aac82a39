// A program that runs as a child and never outlives this one.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace sd35 {

// Where PATH finds a program that may be run; nothing if it does not.
std::optional<std::filesystem::path> find_program(const std::string& name);

class ChildProcess {
 public:
  // Runs `program` with argv `arguments` in `folder`; what it prints goes into the file `log` there. It is
  // killed when the thread that called this ends, by SIGKILL too. Throws Error when it cannot be run.
  ChildProcess(const std::filesystem::path& program, const std::vector<std::string>& arguments,
               const std::filesystem::path& folder, const std::string& log);
  // Kills it if it still runs.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // Its wait status. Calls `meanwhile` every few hundredths of a second; what that throws is passed on.
  int wait(const std::function<void()>& meanwhile);

 private:
  ::pid_t process_ = -1;  // -1 once it has been waited for
};

}  // namespace sd35
