#include "core/error.h"
#include "ops/ops.h"

namespace sd35 {

void Ops::prepare(Linear& /*linear*/, Reuse /*reuse*/) const {}
void Ops::prepare(Conv2d& /*conv*/) const {}

std::unique_ptr<Ops> make_ops(std::string_view engine, DType compute_type) {
  if (engine == "ref") {
    if (compute_type != DType::f32)
      throw ArgumentError("the ref engine computes in f32 only; use --dtype f32");
    return make_ref_ops();
  }
  if (engine == "native") return make_native_ops(compute_type);
  throw ArgumentError("unknown engine '" + std::string(engine) + "'; known: native, ref");
}

}  // namespace sd35
