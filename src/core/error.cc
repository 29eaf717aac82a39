#include "core/error.h"

#include <array>
#include <cstdio>
#include <filesystem>
#include <new>

namespace sd35 {
namespace {

// Bytes of the character of UTF-8 that `text` begins with; 0 where there is no such character, or it must not
// be shown.
std::size_t visible_character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(0);
  if (first < 0x80) return first < 0x20 || first == 0x7f ? 0 : 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  constexpr std::array<char32_t, 5> kSmallest{0, 0, 0x80, 0x800, 0x10000};  // what takes so many bytes
  if (first < 0xc0 || first >= 0xf8 || text.size() < length) return 0;
  char32_t code = first & (0x7fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
    code = code << 6 | (byte(i) & 0x3fu);
  }
  const auto within = [code](char32_t low, char32_t high) { return code >= low && code <= high; };
  if (code < kSmallest[length] || code > 0x10ffff || within(0xd800, 0xdfff)) return 0;
  const bool control = code < 0xa0 || within(0x2028, 0x2029);
  const bool turns_direction =
      code == 0x61c || within(0x200e, 0x200f) || within(0x202a, 0x202e) || within(0x2066, 0x2069);
  return control || turns_direction ? 0 : length;
}

}  // namespace

std::string printable(std::string_view text) {
  std::string shown;
  while (!text.empty()) {
    const std::size_t length = visible_character(text);
    if (length > 0) {
      shown += text.substr(0, length);
    } else {
      std::array<char, 5> escaped{};
      std::snprintf(escaped.data(), escaped.size(), "\\x%02x", static_cast<unsigned char>(text[0]));
      shown += escaped.data();
    }
    text.remove_prefix(length > 0 ? length : 1);
  }
  return shown;
}

void rethrow_with_context(const std::string& context, const std::filesystem::path& file) {
  const auto about = [&](const Error& e) { return e.file().empty() ? file : e.file(); };
  try {
    throw;
  } catch (const ArgumentError& e) {
    throw ArgumentError(context + ": " + e.what(), e.option(), about(e));
  } catch (const FileError& e) {
    throw FileError(context + ": " + e.what(), e.option(), about(e));
  } catch (const NumericError& e) {
    throw NumericError(context + ": " + e.what(), e.option(), about(e));
  } catch (const Cancelled&) {
    throw;
  } catch (const MemoryError&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw MemoryError();
  } catch (const std::exception& e) {
    throw Error(context + ": " + e.what());
  }
}

void rethrow_about(std::string_view option) {
  try {
    throw;
  } catch (const ArgumentError& e) {
    if (!e.option().empty()) throw;
    throw ArgumentError(e.what(), option, e.file());
  } catch (const FileError& e) {
    if (!e.option().empty()) throw;
    throw FileError(e.what(), option, e.file());
  }
}

void rethrow_as_error() {
  try {
    throw;
  } catch (const Error&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw MemoryError();
  } catch (const std::filesystem::filesystem_error& e) {
    throw FileError(e.what(), {}, e.path1());
  } catch (const std::exception& e) {
    throw Error(e.what());
  } catch (...) {
    throw Error("something was thrown that is not an exception");
  }
}

}  // namespace sd35
