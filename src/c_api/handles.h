// What the handles of the C API hold, and the border between its status codes and exceptions.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sd35/sd35.h"
#include "sd35/sd35_c.h"

struct sd35_options {
  // As options_from_json() takes them, of each struct; "loras", which both have, is in both.
  nlohmann::json load = nlohmann::json::object(), generate = nlohmann::json::object();
  std::map<std::string, std::shared_ptr<const sd35::Picture>> pictures;  // by their options
};

struct sd35_pipeline {
  explicit sd35_pipeline(sd35::Model opened) : model(std::move(opened)), pipeline(model) {}

  sd35::Model model;
  sd35::Pipeline pipeline;
  // Calls of sd35_cancel(): a drawing stops when there was one since it began.
  std::atomic<std::uint64_t> cancelled{0};
  static_assert(std::atomic<std::uint64_t>::is_always_lock_free);  // for signal handlers
};

struct sd35_result {
  std::vector<sd35::Picture> pictures;
  std::uint64_t first_seed = 0;
};

struct sd35_buffer {
  std::string bytes;
};

namespace sd35::c_api {

// Called where an exception is being handled: keeps it for sd35_last_error() and says what it was.
sd35_status failure() noexcept;

// body(), with its exceptions as a status.
template <class Body>
sd35_status guarded(const Body& body) noexcept {
  try {
    body();
    return SD35_OK;
  } catch (...) {
    return failure();
  }
}

// Throws ArgumentError, naming the argument, where it is NULL.
void require(const void* argument, std::string_view name);

// `made` as the caller's. The pointer that it goes to is NULL until then.
template <class Handle>
void hand_over(std::unique_ptr<Handle> made, Handle** to) {
  *to = made.release();
}
void hand_over_text(std::string text, sd35_buffer** to);

// The caller's callbacks; NULL: none. `watched`: whose sd35_cancel() ends the call; null: nobody's.
Callbacks callbacks_of(const sd35_callbacks* callbacks, const sd35_pipeline* watched);

// Those of `options`, which may be NULL. Throws ArgumentError for options of the other struct.
LoadOptions load_options(const sd35_options* options);
GenerateOptions generate_options(const sd35_options* options);

}  // namespace sd35::c_api
