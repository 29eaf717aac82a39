#include "serving/jobs/job_request.h"

namespace sd35::serving {
namespace {

std::uint64_t bytes_of(const InputPicture& input) {
  return input.picture ? input.picture->rgb.size() + input.picture->alpha.size() : 0;
}

}  // namespace

std::uint64_t JobRequest::input_bytes() const {
  return bytes_of(options.init.picture) + bytes_of(options.inpaint.mask) + bytes_of(options.edit);
}

void JobRequest::drop_inputs() {
  options.init.picture = {};
  options.inpaint.mask = {};
  options.edit = {};
}

}  // namespace sd35::serving
