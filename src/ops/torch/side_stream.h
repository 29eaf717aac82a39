// Work on a device beside what its main queue holds.
#pragma once

#include <c10/core/Device.h>
#include <c10/core/StreamGuard.h>

#include <optional>

namespace sd35 {

// While it lives, the calling thread's work on `device` has a queue of its own: results that it takes to the
// host do not wait for what other threads have queued. Tensors made meanwhile are for this thread alone. Does
// nothing on a CPU.
class SideStream {
 public:
  explicit SideStream(c10::Device device);

 private:
  std::optional<c10::StreamGuard> guard_;
};

}  // namespace sd35
