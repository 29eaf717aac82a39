#include "serving/http/target.h"

#include <algorithm>

namespace sd35::serving {
namespace {

int hexadecimal_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Proxies may send the whole address.
std::string_view without_scheme_and_host(std::string_view text) {
  const std::string_view scheme = "http://";
  if (!text.starts_with(scheme)) return text;
  const std::size_t slash = text.find('/', scheme.size());
  return slash == text.npos ? std::string_view("/") : text.substr(slash);
}

bool read_query(std::string_view text, std::map<std::string, std::string>& query) {
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(pair.size() + 1, text.size()));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const auto name = percent_decoded(pair.substr(0, equals), true);
    const auto value = percent_decoded(pair.substr(std::min(equals + 1, pair.size())), true);
    if (!name || !value) return false;
    query[*name] = *value;
  }
  return true;
}

}  // namespace

std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_blank) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_blank) {
      decoded += ' ';
    } else if (text[i] != '%') {
      decoded += text[i];
    } else {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = hexadecimal_digit(text[i + 1]), low = hexadecimal_digit(text[i + 2]);
      if (high < 0 || low < 0 || high + low == 0) return std::nullopt;
      decoded += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return decoded;
}

std::optional<Target> target_from_text(std::string_view text) {
  text = without_scheme_and_host(text);
  const bool visible = std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
  if (!visible || !text.starts_with('/')) return std::nullopt;
  const std::size_t mark = std::min({text.find('?'), text.find('#'), text.size()});
  Target target;
  const auto path = percent_decoded(text.substr(0, mark));
  if (!path) return std::nullopt;
  target.path = *path;
  if (mark == text.size() || text[mark] == '#') return target;
  std::string_view query = text.substr(mark + 1);
  query = query.substr(0, query.find('#'));
  if (!read_query(query, target.query)) return std::nullopt;
  return target;
}

}  // namespace sd35::serving
