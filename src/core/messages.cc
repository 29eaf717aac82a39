#include "core/messages.h"

#include <system_error>

#include "core/error.h"

namespace sd35 {
namespace {

constexpr std::size_t kLongestName = 500;  // of paths nearly all are shorter
constexpr int kProblemsShown = 5;

bool is_continuation_byte(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

}  // namespace

std::string in_quotes(std::string_view name) {
  std::size_t length = name.size();
  if (length > kLongestName) {
    length = kLongestName;
    while (length > 0 && is_continuation_byte(name[length])) --length;  // not inside a character
  }
  return "'" + printable(name.substr(0, length)) + (length < name.size() ? "...'" : "'");
}

std::string system_reason(int error) { return std::generic_category().message(error); }

void ProblemList::add(const std::string& problem) {
  if (++count_ > kProblemsShown) return;
  if (count_ > 1) shown_ += "; ";
  shown_ += problem;
}

std::string ProblemList::text() const {
  if (count_ <= kProblemsShown) return shown_;
  return shown_ + " and " + std::to_string(count_ - kProblemsShown) + " more";
}

}  // namespace sd35
