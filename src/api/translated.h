// The border of the public API: what comes out of it is an sd35::Error, or what a callback threw.
#pragma once

#include <exception>
#include <functional>
#include <utility>

#include "core/error.h"
#include "sd35/sd35.h"

namespace sd35 {

// Callbacks that remember what they throw.
class WatchedCallbacks {
 public:
  explicit WatchedCallbacks(Callbacks callbacks) : callbacks_(std::move(callbacks)) {
    watch(callbacks_.on_progress);
    watch(callbacks_.on_picture);
    watch(callbacks_.on_preview);
    watch(callbacks_.on_step);
    watch(callbacks_.on_warning);
    watch(callbacks_.on_memory_plan);
  }
  WatchedCallbacks(const WatchedCallbacks&) = delete;
  WatchedCallbacks& operator=(const WatchedCallbacks&) = delete;

  const Callbacks& callbacks() const { return callbacks_; }
  // Whether the exception in flight came out of one of them.
  bool threw_it() const { return thrown_ && thrown_ == std::current_exception(); }

 private:
  template <class Result, class... Arguments>
  void watch(std::function<Result(Arguments...)>& callback) {
    if (!callback) return;
    callback = [this, call = std::move(callback)](Arguments... arguments) -> Result {
      try {
        return call(std::forward<Arguments>(arguments)...);
      } catch (...) {
        thrown_ = std::current_exception();
        throw;
      }
    };
  }

  Callbacks callbacks_;
  std::exception_ptr thrown_;
};

// The result of body(); whatever else it throws becomes an Error (core/error.h).
template <class Body>
auto translated(const Body& body) {
  try {
    return body();
  } catch (...) {
    rethrow_as_error();
  }
}

// The same of body(callbacks), but what a callback throws comes out as it is.
template <class Body>
auto translated(const Callbacks& callbacks, const Body& body) {
  const WatchedCallbacks watched(callbacks);
  try {
    return body(watched.callbacks());
  } catch (...) {
    if (watched.threw_it()) throw;
    rethrow_as_error();
  }
}

}  // namespace sd35
