#include "ops/torch/side_stream.h"

#include <c10/core/impl/VirtualGuardImpl.h>

namespace sd35 {

SideStream::SideStream(c10::Device device) {
  if (device.is_cpu()) return;
  const c10::impl::VirtualGuardImpl devices(device.type());
  // One a thread: LibTorch keeps freed memory for the stream that it was taken on.
  thread_local const c10::Stream stream =
      devices.getStreamFromGlobalPool(device.has_index() ? device : devices.getDevice());
  guard_.emplace(stream);
}

}  // namespace sd35
