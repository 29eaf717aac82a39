#include "serving/http/base64.h"

#include <sys/random.h>

#include <array>
#include <cerrno>

#include "core/error.h"
#include "core/messages.h"

namespace sd35::serving {
namespace {

constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<std::int8_t, 256> kValues = [] {
  std::array<std::int8_t, 256> values{};
  for (auto& value : values) value = -1;
  for (std::size_t i = 0; i < kDigits.size(); ++i)
    values[static_cast<unsigned char>(kDigits[i])] = static_cast<std::int8_t>(i);
  return values;
}();

}  // namespace

std::string base64_of(std::span<const std::uint8_t> bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t left = bytes.size() - i;
    const unsigned group = static_cast<unsigned>(bytes[i]) << 16 |
                           (left > 1 ? static_cast<unsigned>(bytes[i + 1]) << 8 : 0u) |
                           (left > 2 ? static_cast<unsigned>(bytes[i + 2]) : 0u);
    text += kDigits[group >> 18];
    text += kDigits[group >> 12 & 63];
    text += left > 1 ? kDigits[group >> 6 & 63] : '=';
    text += left > 2 ? kDigits[group & 63] : '=';
  }
  return text;
}

std::string base64_of(std::string_view bytes) {
  return base64_of(std::span(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()));
}

std::optional<std::string> base64_decoded(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  unsigned group = 0, digits = 0, padding = 0;
  for (const char c : text) {
    if (c == '\r' || c == '\n') continue;
    if (c == '=') {
      ++padding;
      continue;
    }
    const int value = kValues[static_cast<unsigned char>(c)];
    if (value < 0 || padding > 0) return std::nullopt;
    group = group << 6 | static_cast<unsigned>(value);
    if (++digits % 4 != 0) continue;
    bytes += {static_cast<char>(group >> 16), static_cast<char>(group >> 8), static_cast<char>(group)};
  }
  const unsigned rest = digits % 4;
  if (rest == 1 || (padding > 0 && (rest == 0 || rest + padding != 4))) return std::nullopt;
  if (rest == 2) bytes += static_cast<char>(group >> 4);
  if (rest == 3) bytes += {static_cast<char>(group >> 10), static_cast<char>(group >> 2)};
  return bytes;
}

std::optional<std::string> bytes_of_data_url(std::string_view text) {
  if (text.starts_with("data:")) {
    const std::string_view end = ";base64,";
    const std::size_t at = text.substr(0, 100).find(end);
    if (at == text.npos) return std::nullopt;
    text.remove_prefix(at + end.size());
  }
  return base64_decoded(text);
}

std::string random_id() {
  std::array<std::uint8_t, 16> bytes{};
  while (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
    if (errno != EINTR) throw Error("no random numbers: " + system_reason(errno));
  std::string id = base64_of(bytes);
  id.resize(22);
  for (char& c : id) c = c == '+' ? '-' : c == '/' ? '_' : c;
  return id;
}

}  // namespace sd35::serving
