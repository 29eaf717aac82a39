#include <exception>
#include <new>
#include <string>

#include "c_api/handles.h"

namespace sd35::c_api {
namespace {

struct LastError {
  std::string message, option, file;
};
LastError& last_error() {
  thread_local LastError error;
  return error;
}

sd35_status status_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::argument:
      return SD35_ARGUMENT;
    case ErrorKind::file:
      return SD35_FILE;
    case ErrorKind::numeric:
      return SD35_NUMERIC;
    case ErrorKind::cancelled:
      return SD35_CANCELLED;
    case ErrorKind::other:
    case ErrorKind::memory:
      break;
  }
  return SD35_ERROR;
}

sd35_status keep_failure() {
  LastError& last = last_error();
  try {
    throw;
  } catch (const Error& error) {
    last = {error.what(), error.option(), error.file().string()};
    return status_of(error.kind());
  } catch (const std::bad_alloc&) {
    last = {"out of memory", {}, {}};
  } catch (const std::exception& error) {
    last = {printable(error.what()), {}, {}};
  } catch (...) {
    last = {"a callback threw an exception", {}, {}};
  }
  return SD35_ERROR;
}

}  // namespace

sd35_status failure() noexcept {
  try {
    return keep_failure();
  } catch (...) {  // no memory for the message
    last_error().message.clear();
    return SD35_ERROR;
  }
}

void require(const void* argument, std::string_view name) {
  if (argument == nullptr) throw ArgumentError(std::string(name) + " is NULL");
}

void hand_over_text(std::string text, sd35_buffer** to) {
  hand_over(std::make_unique<sd35_buffer>(sd35_buffer{std::move(text)}), to);
}

}  // namespace sd35::c_api

using sd35::c_api::last_error;

const char* sd35_last_error(void) { return last_error().message.c_str(); }
const char* sd35_last_error_option(void) { return last_error().option.c_str(); }
const char* sd35_last_error_file(void) { return last_error().file.c_str(); }

const char* sd35_buffer_data(const sd35_buffer* buffer) {
  return buffer == nullptr ? nullptr : buffer->bytes.c_str();
}
size_t sd35_buffer_size(const sd35_buffer* buffer) { return buffer == nullptr ? 0 : buffer->bytes.size(); }
void sd35_buffer_free(sd35_buffer* buffer) { delete buffer; }
