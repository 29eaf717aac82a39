// Low-rank updates of a linear layer in the form that their products need.
#pragma once

#include <memory>
#include <vector>

#include "ops/native/packed_matrix.h"
#include "ops/ops.h"

namespace sd35::native {

// sum_i scale_i (x A_i^T) B_i^T as two thin products: all A stacked, then for each run of output rows that
// the same updates add to, their B side by side with the scales multiplied in.
class LowRankProducts : public PreparedUpdates {
 public:
  // `dtype`: f32 or bf16, of the operands. Every update must fit the layer.
  LowRankProducts(const std::vector<LowRankUpdate>& updates, const Linear& layer, DType dtype);

  DType dtype() const { return dtype_; }
  // Overwrites y [..., out] with the sum. x [..., in] of dtype(); y of dtype() or f32.
  void product(const Tensor& x, Tensor& y) const;

 private:
  // Rows [first, first + count) of the output.
  struct Range {
    std::int64_t first = 0, count = 0;
    std::int64_t column = 0;                   // of the stacked ranks, where those of these rows begin
    std::shared_ptr<const PackedMatrix> up{};  // null: no update adds to these rows
  };

  DType dtype_;
  std::int64_t out_;
  std::shared_ptr<const PackedMatrix> down_;  // [all ranks, in]
  std::vector<Range> ranges_;                 // of all output rows
};

}  // namespace sd35::native
