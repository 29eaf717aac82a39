#include "core/messages.h"

#include <array>
#include <cstdio>

namespace sd35 {
namespace {

constexpr std::size_t kLongestName = 200;
constexpr int kProblemsShown = 5;

bool is_continuation_byte(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

}  // namespace

std::string in_quotes(std::string_view name) {
  std::size_t length = name.size();
  if (length > kLongestName) {
    length = kLongestName;
    while (length > 0 && is_continuation_byte(name[length])) --length;  // not inside a character
  }
  std::string text = "'";
  for (const char c : name.substr(0, length)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f) {
      text += c;
      continue;
    }
    std::array<char, 5> escaped{};
    std::snprintf(escaped.data(), escaped.size(), "\\x%02x", byte);
    text += escaped.data();
  }
  return text + (length < name.size() ? "...'" : "'");
}

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
