#include "core/text_words.h"

#include <algorithm>

namespace sd35 {
namespace {

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         static_cast<unsigned char>(c) >= 0x80;
}

}  // namespace

std::string_view word_at_start(std::string_view text) {
  std::size_t end = 0;
  const auto joins = [&] {
    return end > 0 && text[end] == '\'' && end + 1 < text.size() && is_letter(text[end + 1]);
  };
  while (end < text.size() && (is_letter(text[end]) || joins())) ++end;
  return text.substr(0, end);
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  for (std::size_t i = 0; i < text.size();) {
    const std::string_view word = word_at_start(text.substr(i));
    if (!word.empty()) words.push_back(word);
    i += std::max<std::size_t>(word.size(), 1);
  }
  return words;
}

std::string in_small_letters(std::string_view text) {
  std::string small(text);
  for (char& c : small)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return small;
}

}  // namespace sd35
