// A matrix in the blocked layout of oneDNN that serves every number of rows.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "ops/native/onednn.h"
#include "ops/ops.h"

namespace sd35::native {

class PackedMatrix : public PreparedWeight {
 public:
  // Of `weight`, [out, in] of any float type, in `dtype`: f32 or bf16.
  static std::shared_ptr<const PackedMatrix> pack(const Tensor& weight, std::int64_t out, std::int64_t in,
                                                  DType dtype);
  // The inverse of packed(); null where that is not the form that pack() would make on this machine.
  static std::shared_ptr<const PackedMatrix> restore(const PackedWeight& packed, std::int64_t out,
                                                     std::int64_t in, DType dtype);

  std::optional<PackedWeight> packed() const override;
  DType dtype() const { return dtype_; }
  std::int64_t out() const { return out_; }

  // y = act(x W^T + b) with what `spec` says of x and y; its sizes and type of the matrix are set here.
  void product(onednn::MatmulSpec spec, const void* x, const float* bias, void* y) const;

 private:
  PackedMatrix(DType dtype, onednn::Layout layout, std::int64_t out, std::int64_t in, Tensor elements)
      : dtype_(dtype), layout_(std::move(layout)), out_(out), in_(in), elements_(std::move(elements)) {}

  DType dtype_;
  onednn::Layout layout_;
  std::int64_t out_, in_;
  Tensor elements_;
};

// How many output features of `in` elements are converted at a time.
std::int64_t features_per_block(std::int64_t in, DType dtype);

}  // namespace sd35::native
