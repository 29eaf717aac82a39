// What a reader says of a bad file.
#pragma once

#include <gtest/gtest.h>

#include <exception>
#include <filesystem>
#include <string>

#include "core/error.h"

namespace sd35 {

// The FileError that `body` throws, whose message must be one line; one that says so if it throws none.
template <class Body>
FileError file_error_of(Body body) {
  try {
    body();
  } catch (const FileError& e) {
    EXPECT_EQ(std::string(e.what()).find_first_of("\n\r"), std::string::npos) << e.what();
    return e;
  } catch (const std::exception& e) {
    return FileError(std::string("not a FileError: ") + e.what());
  }
  return FileError("no error");
}

// Its message.
template <class Body>
std::string file_error(Body body) {
  return file_error_of(body).what();
}

// Its message; the error must be about `file`.
template <class Body>
std::string file_error(const std::filesystem::path& file, Body body) {
  const FileError error = file_error_of(body);
  EXPECT_EQ(error.file(), file) << error.what();
  return error.what();
}

}  // namespace sd35
