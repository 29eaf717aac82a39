#include "ops/native/low_rank.h"

#include <algorithm>
#include <cstring>
#include <set>

#include "core/threads.h"
#include "ops/native/conversion.h"
#include "ops/native/elements.h"

namespace sd35::native {
namespace {

// The matrices A of some updates, one below another. A fused projection that was trained as one has the same
// A for each of its parts, which is kept once.
struct StackedDowns {
  std::vector<const Tensor*> matrices;
  std::vector<std::int64_t> columns;  // of each update: where its ranks begin
  std::int64_t ranks = 0;

  explicit StackedDowns(const std::vector<LowRankUpdate>& updates) {
    std::vector<std::int64_t> begins;  // of `matrices`
    for (const LowRankUpdate& update : updates) {
      const auto same = std::ranges::find_if(matrices, [&](const Tensor* other) {
        return other->raw() == update.down.raw() && other->shape() == update.down.shape() &&
               other->dtype() == update.down.dtype();
      });
      if (same == matrices.end()) {
        matrices.push_back(&update.down);
        columns.push_back(ranks);
        begins.push_back(ranks);
        ranks += update.down.dim(0);
      } else {
        columns.push_back(begins[static_cast<std::size_t>(same - matrices.begin())]);
      }
    }
  }

  Tensor stacked(std::int64_t in) const {
    Tensor all({ranks, in}, DType::f32);
    float* row = all.data<float>();
    for (const Tensor* matrix : matrices) {
      convert_elements(matrix->raw(), matrix->dtype(), row, DType::f32, matrix->numel());
      row += matrix->numel();
    }
    return all;
  }
};

// Where the set of updates that add to a row may change, with 0 and `out`.
std::vector<std::int64_t> boundaries(const std::vector<LowRankUpdate>& updates, std::int64_t out) {
  std::set<std::int64_t> rows{0, out};
  for (const LowRankUpdate& update : updates) {
    rows.insert(update.first_row);
    rows.insert(update.first_row + update.up.dim(0));
  }
  return {rows.begin(), rows.end()};
}

// target[:, column ..] += scale up, in f32.
void add_scaled(const Tensor& up, float scale, std::int64_t column, Tensor& target) {
  const Tensor values = converted(up, DType::f32);
  const std::int64_t rank = up.dim(1);
  for (std::int64_t row = 0; row < up.dim(0); ++row) {
    float* sums = target.data<float>() + row * target.dim(1) + column;
    for (std::int64_t r = 0; r < rank; ++r) sums[r] += scale * values.data<float>()[row * rank + r];
  }
}

void fill_with_zeros(Tensor& y, std::int64_t first, std::int64_t count) {
  const std::int64_t out = y.dim(-1);
  const std::size_t size = size_of(y.dtype());
  parallel_for(y.numel() / out, grain_rows(count), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row)
      std::memset(static_cast<std::byte*>(y.raw()) + static_cast<std::size_t>(row * out + first) * size, 0,
                  static_cast<std::size_t>(count) * size);
  });
}

}  // namespace

LowRankProducts::LowRankProducts(const std::vector<LowRankUpdate>& updates, const Linear& layer, DType dtype)
    : dtype_(dtype), out_(layer.out_features) {
  const StackedDowns downs(updates);
  down_ = PackedMatrix::pack(downs.stacked(layer.in_features), downs.ranks, layer.in_features, dtype);
  const std::vector<std::int64_t> rows = boundaries(updates, out_);
  for (std::size_t i = 0; i + 1 < rows.size(); ++i) {
    Range range{rows[i], rows[i + 1] - rows[i]};
    std::vector<std::size_t> adding;
    std::int64_t end = 0;
    range.column = downs.ranks;
    for (std::size_t u = 0; u < updates.size(); ++u) {
      if (updates[u].first_row > range.first || updates[u].first_row + updates[u].up.dim(0) <= range.first)
        continue;
      adding.push_back(u);
      range.column = std::min(range.column, downs.columns[u]);
      end = std::max(end, downs.columns[u] + updates[u].down.dim(0));
    }
    if (!adding.empty()) {
      Tensor up = Tensor::zeros({range.count, end - range.column});
      for (const std::size_t u : adding) {
        const std::int64_t first = range.first - updates[u].first_row;
        add_scaled(updates[u].up.rows(first, first + range.count), updates[u].scale,
                   downs.columns[u] - range.column, up);
      }
      range.up = PackedMatrix::pack(up, range.count, up.dim(1), dtype);
    }
    ranges_.push_back(std::move(range));
  }
}

void LowRankProducts::product(const Tensor& x, Tensor& y) const {
  const std::int64_t rows = y.numel() / out_, ranks = down_->out();
  Tensor low({rows, ranks}, dtype_);
  down_->product({.rows = rows, .result_dtype = dtype_, .result_stride = ranks}, x.raw(), nullptr, low.raw());
  const auto element = static_cast<std::int64_t>(size_of(dtype_)),
             result_element = static_cast<std::int64_t>(size_of(y.dtype()));
  for (const Range& range : ranges_) {
    if (range.up == nullptr) {
      fill_with_zeros(y, range.first, range.count);
      continue;
    }
    const onednn::MatmulSpec spec{
        .rows = rows, .result_dtype = y.dtype(), .result_stride = out_, .x_stride = ranks};
    range.up->product(spec, static_cast<const std::byte*>(low.raw()) + range.column * element, nullptr,
                      static_cast<std::byte*>(y.raw()) + range.first * result_element);
  }
}

}  // namespace sd35::native
