// What a reader says of a bad file.
#pragma once

#include <gtest/gtest.h>

#include <exception>
#include <string>

#include "core/error.h"

namespace sd35 {

// The message of the FileError that `body` throws, which must be one line.
template <class Body>
std::string file_error(Body body) {
  try {
    body();
  } catch (const FileError& e) {
    const std::string message = e.what();
    EXPECT_EQ(message.find_first_of("\n\r"), std::string::npos) << message;
    return message;
  } catch (const std::exception& e) {
    return std::string("not a FileError: ") + e.what();
  }
  return "no error";
}

}  // namespace sd35
