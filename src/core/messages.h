// Names from files in messages.
#pragma once

#include <string>
#include <string_view>

namespace sd35 {

// printable(name) in single quotes and of bounded length whatever the file holds: a long name is cut.
std::string in_quotes(std::string_view name);

// What a value of errno means.
std::string system_reason(int error);

// Collects problems and says the first few: "a; b; c and 4 more".
class ProblemList {
 public:
  void add(const std::string& problem);
  int count() const { return count_; }
  std::string text() const;

 private:
  std::string shown_;
  int count_ = 0;
};

}  // namespace sd35
