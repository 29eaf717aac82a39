#include "serving/http/headers.h"

#include <algorithm>

namespace sd35::serving {
namespace {

char small(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// "q=0", "q=0.000"
bool is_zero_weight(std::string_view parameter) {
  parameter = trimmed(parameter);
  return parameter.starts_with("q=") && parameter.substr(2).find_first_not_of("0.") == parameter.npos;
}

}  // namespace

bool same_name(std::string_view a, std::string_view b) { return std::ranges::equal(a, b, {}, small, small); }

void Headers::set(const std::string& name, std::string value) {
  std::erase_if(fields_, [&](const auto& field) { return same_name(field.first, name); });
  add(name, std::move(value));
}

const std::string* Headers::find(std::string_view name) const {
  for (const auto& field : fields_)
    if (same_name(field.first, name)) return &field.second;
  return nullptr;
}

std::string_view Headers::value(std::string_view name) const {
  const std::string* found = find(name);
  return found == nullptr ? std::string_view() : *found;
}

int Headers::count(std::string_view name) const {
  return static_cast<int>(
      std::ranges::count_if(fields_, [&](const auto& field) { return same_name(field.first, name); }));
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

bool lists(std::string_view list, std::string_view token) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    const std::string_view item = list.substr(0, comma);
    const std::size_t semicolon = std::min(item.find(';'), item.size());
    if (same_name(trimmed(item.substr(0, semicolon)), token))
      return semicolon == item.size() || !is_zero_weight(item.substr(semicolon + 1));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

}  // namespace sd35::serving
