#include "ops/native/data_movement.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "core/error.h"
#include "core/threads.h"
#include "ops/checks.h"

namespace sd35::native {
namespace {

// Bytes below which another thread is not worth waking.
constexpr std::int64_t kGrainBytes = 1 << 17;

const std::byte* bytes_of(const Tensor& x) { return static_cast<const std::byte*>(x.raw()); }
std::byte* bytes_of(Tensor& x) { return static_cast<std::byte*>(x.raw()); }

std::int64_t product(std::span<const std::int64_t> dims) {
  std::int64_t result = 1;
  for (const std::int64_t dim : dims) result *= dim;
  return result;
}

// A tensor seen as [outer, dimension `axis`, inner bytes].
struct Split {
  Split(const Tensor& x, int dim) {
    const auto dims = x.shape().dims();
    const auto axis = static_cast<std::size_t>(dim < 0 ? dim + x.shape().rank() : dim);
    outer = product(dims.first(axis));
    item_bytes = product(dims.subspan(axis + 1)) * static_cast<std::int64_t>(size_of(x.dtype()));
    bytes = dims[axis] * item_bytes;
  }
  std::int64_t outer;       // how many runs of the dimension
  std::int64_t item_bytes;  // of one index
  std::int64_t bytes;       // of all its indices
};

// Copies `count` runs of `bytes`, which begin `from_stride` and `to_stride` bytes apart.
void copy_runs(const std::byte* from, std::int64_t from_stride, std::byte* to, std::int64_t to_stride,
               std::int64_t bytes, std::int64_t count) {
  parallel_for(bytes * count, kGrainBytes, [&](std::int64_t begin, std::int64_t end) {
    while (begin < end) {
      const std::int64_t run = begin / bytes, offset = begin % bytes,
                         size = std::min(bytes - offset, end - begin);
      std::memcpy(to + run * to_stride + offset, from + run * from_stride + offset,
                  static_cast<std::size_t>(size));
      begin += size;
    }
  });
}

// One dimension of a permuted copy.
struct Axis {
  std::int64_t size;
  std::int64_t source_stride;  // elements
};

// The dimensions of the result, merging those that stay neighbours.
std::vector<Axis> merged_axes(const Shape& source, std::span<const int> order) {
  std::vector<std::int64_t> strides(order.size(), 1);
  for (std::size_t i = order.size(); i-- > 1;) strides[i - 1] = strides[i] * source.dims()[i];
  std::vector<Axis> axes;
  for (const int dim : order) {
    const auto d = static_cast<std::size_t>(dim);
    const Axis axis{source.dims()[d], strides[d]};
    if (axis.size == 1) continue;
    if (!axes.empty() && axes.back().source_stride == axis.size * axis.source_stride)
      axes.back() = {axes.back().size * axis.size, axis.source_stride};
    else
      axes.push_back(axis);
  }
  return axes;
}

// Elements of a run of the result, from `stride` elements apart.
template <class Element>
void gather(const std::byte* from, std::int64_t stride, std::byte* to, std::int64_t count) {
  const auto* source = reinterpret_cast<const Element*>(from);
  auto* target = reinterpret_cast<Element*>(to);
  for (std::int64_t i = 0; i < count; ++i) target[i] = source[i * stride];
}

void copy_strided(const std::byte* from, std::int64_t stride, std::byte* to, std::int64_t count,
                  std::size_t size) {
  if (stride == 1)
    std::memcpy(to, from, static_cast<std::size_t>(count) * size);
  else if (size == 1)
    gather<std::uint8_t>(from, stride, to, count);
  else if (size == 2)
    gather<std::uint16_t>(from, stride, to, count);
  else if (size == 4)
    gather<std::uint32_t>(from, stride, to, count);
  else
    gather<std::uint64_t>(from, stride, to, count);
}

}  // namespace

Tensor concat(std::span<const Tensor> parts, int dim) {
  Tensor y(checks::concat(parts, dim), parts[0].dtype());
  const Split whole(y, dim);
  std::byte* to = bytes_of(y);
  for (const Tensor& part : parts) {
    const Split run(part, dim);
    copy_runs(bytes_of(part), run.bytes, to, whole.bytes, run.bytes, run.outer);
    to += run.bytes;
  }
  return y;
}

Tensor slice(const Tensor& x, int dim, std::int64_t begin, std::int64_t end) {
  Tensor y(checks::slice(x, dim, begin, end), x.dtype());
  const Split whole(x, dim), run(y, dim);
  copy_runs(bytes_of(x) + begin * whole.item_bytes, whole.bytes, bytes_of(y), run.bytes, run.bytes,
            run.outer);
  return y;
}

Tensor permute(const Tensor& x, std::span<const int> order) {
  Tensor y(checks::permute(x, order), x.dtype());
  if (y.numel() == 0) return y;
  std::vector<Axis> axes = merged_axes(x.shape(), order);
  const Axis run = axes.empty() ? Axis{1, 1} : axes.back();
  if (!axes.empty()) axes.pop_back();

  const std::size_t size = size_of(x.dtype());
  const auto run_bytes = run.size * static_cast<std::int64_t>(size);
  parallel_for(y.numel() / run.size, std::max<std::int64_t>(1, kGrainBytes / run_bytes),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t i = begin; i < end; ++i) {
                   std::int64_t offset = 0, rest = i;
                   for (std::size_t a = axes.size(); a-- > 0; rest /= axes[a].size)
                     offset += rest % axes[a].size * axes[a].source_stride;
                   copy_strided(bytes_of(x) + offset * static_cast<std::int64_t>(size), run.source_stride,
                                bytes_of(y) + i * run_bytes, run.size, size);
                 }
               });
  return y;
}

Tensor upsample_nearest2x(const Tensor& x) {
  if (x.shape().rank() != 4) throw Error("upsample_nearest2x: a picture of " + x.shape().to_string());
  Tensor y({x.dim(0), 2 * x.dim(1), 2 * x.dim(2), x.dim(3)}, x.dtype());
  const std::int64_t width = x.dim(2);
  const auto pixel = x.dim(3) * static_cast<std::int64_t>(size_of(x.dtype())), row_bytes = 2 * width * pixel;
  parallel_for(x.dim(0) * x.dim(1),
               std::max<std::int64_t>(1, kGrainBytes / std::max<std::int64_t>(1, row_bytes)),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t row = begin; row < end; ++row) {
                   const std::byte* from = bytes_of(x) + row * width * pixel;
                   std::byte* to = bytes_of(y) + row * 2 * row_bytes;
                   for (std::int64_t i = 0; i < 2 * width; ++i)
                     std::memcpy(to + i * pixel, from + i / 2 * pixel, static_cast<std::size_t>(pixel));
                   std::memcpy(to + row_bytes, to, static_cast<std::size_t>(row_bytes));
                 }
               });
  return y;
}

Tensor embedding(const Tensor& table, const Tensor& ids) {
  Tensor y(checks::embedding(table, ids), DType::f32);
  const std::int64_t width = table.dim(1);
  const auto row_bytes = width * static_cast<std::int64_t>(size_of(table.dtype()));
  const auto* row_of = ids.data<std::int32_t>();
  float* rows = y.data<float>();
  parallel_for(ids.numel(), std::max<std::int64_t>(1, kGrainBytes / std::max<std::int64_t>(1, row_bytes)),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t i = begin; i < end; ++i)
                   convert(bytes_of(table) + row_of[i] * row_bytes, table.dtype(), rows + i * width,
                           DType::f32, static_cast<std::size_t>(width));
               });
  return y;
}

}  // namespace sd35::native
