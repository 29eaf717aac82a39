// The verbs for maps that are made band by band.
#pragma once

#include "ops/banded_ops.h"

namespace sd35::native {

class NativeBandedOps : public BandedOps {
 public:
  explicit NativeBandedOps(DType compute_type) : compute_type_(compute_type) {}

  Map kept_map(Tensor x) const override;
  Tensor whole(const Map& x) const override;
  Map add_in_place(Map x, const Map& y) const override;
  Map conv2d(Map x, const Conv2d& w) const override;
  Map upsample_conv2d(Map x, const Conv2d& w) const override;
  Map norm_conv2d(Map x, const GroupNorm& norm, const Conv2d& w, Map residual, Out out) const override;

 private:
  DType compute_type_;
};

}  // namespace sd35::native
