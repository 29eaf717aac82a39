// What every target asks of a reader: anything but an Error with a message of one line ends the run.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/error.h"

namespace sd35 {

// For messages and warnings.
inline void check_line(const std::string& line) {
  if (line.find('\n') != std::string::npos) std::abort();
}

template <class Body>
void allow_errors(Body body) {
  try {
    body();
  } catch (const Error& error) {
    check_line(error.what());
  }
}

// Ends the run if a property does not hold.
inline void require(bool holds) {
  if (!holds) std::abort();
}

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace sd35
