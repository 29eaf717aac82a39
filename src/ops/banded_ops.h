// Feature maps too large to be kept: what makes them again, band by band.
#pragma once

#include <memory>

#include "ops/ops.h"

namespace sd35 {

// A feature map [1, Y, X, C] that is kept, or made again whenever it is read, a band of rows at a time. Of a
// map that is made, only the bands being read are in memory, and so it is with the maps that it is made of.
class BandedMap {
 public:
  virtual ~BandedMap() = default;
  virtual const Shape& shape() const = 0;
};

// The verbs of Ops for such maps. Their values are the same to the last bit. Nothing is computed before it is
// read, except statistics. Engine and weights must outlive the maps; one thread at a time.
class BandedOps {
 public:
  using Map = std::shared_ptr<const BandedMap>;

  virtual ~BandedOps() = default;

  // x [1, Y, X, C], f32 or the compute type.
  virtual Map kept_map(Tensor x) const = 0;
  // Makes all of a map. One that is kept shares its memory.
  virtual Tensor whole(const Map& x) const = 0;
  Map kept(const Map& x) const { return kept_map(whole(x)); }
  // x + y, kept in the memory of x, which must be kept itself. y may be made of x by convolutions: its rows
  // are made before those of x that they need are overwritten. x, and what else was made of it, must not be
  // read again.
  virtual Map add_in_place(Map x, const Map& y) const = 0;

  virtual Map conv2d(Map x, const Conv2d& w) const = 0;
  virtual Map upsample_conv2d(Map x, const Conv2d& w) const = 0;
  // Reads x for its statistics, unless another map was made of it before.
  virtual Map norm_conv2d(Map x, const GroupNorm& norm, const Conv2d& w, Map residual = {},
                          Out out = Out::compute) const = 0;
};

}  // namespace sd35
