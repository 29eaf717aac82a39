#include "ops/checks.h"

#include <algorithm>

#include "core/error.h"

namespace sd35::checks {
namespace {

[[noreturn]] void fail(std::string_view verb, const std::string& what) {
  throw Error(std::string(verb) + ": " + what);
}

void require(bool holds, std::string_view verb, const Tensor& a, const Tensor& b) {
  if (!holds) fail(verb, a.shape().to_string() + " does not fit " + b.shape().to_string());
}

void bias(std::string_view verb, const Tensor& bias, std::int64_t features) {
  if (bias.defined() && bias.shape() != Shape{features})
    fail(verb, "a bias " + bias.shape().to_string() + " for " + std::to_string(features) + " features");
}

int positive_dim(std::string_view verb, const Tensor& x, int dim) {
  const int rank = x.shape().rank();
  const int positive = dim < 0 ? dim + rank : dim;
  if (positive < 0 || positive >= rank)
    fail(verb, "no dimension " + std::to_string(dim) + " in " + x.shape().to_string());
  return positive;
}

}  // namespace

Shape with_dim(const Shape& shape, int dim, std::int64_t value) {
  std::vector<std::int64_t> dims(shape.dims().begin(), shape.dims().end());
  dims.at(static_cast<std::size_t>(dim < 0 ? dim + shape.rank() : dim)) = value;
  return Shape(std::move(dims));
}

Shape linear(const Tensor& x, const Linear& w) {
  if (x.shape().rank() < 1 || x.dim(-1) != w.in_features)
    fail("linear", x.shape().to_string() + " does not fit a weight [" + std::to_string(w.out_features) +
                       ", " + std::to_string(w.in_features) + "]");
  if (w.weight.defined() && w.weight.numel() != w.out_features * w.in_features)
    fail("linear", "weight " + w.weight.shape().to_string() + " where [" + std::to_string(w.out_features) +
                       ", " + std::to_string(w.in_features) + "] was announced");
  if (w.quantized != nullptr &&
      (w.quantized->rows() != w.out_features || w.quantized->columns() != w.in_features))
    fail("linear", "quantized weight [" + std::to_string(w.quantized->rows()) + ", " +
                       std::to_string(w.quantized->columns()) + "] where [" + std::to_string(w.out_features) +
                       ", " + std::to_string(w.in_features) + "] was announced");
  if (!w.loaded()) fail("linear", "the weight was never loaded");
  bias("linear", w.bias, w.out_features);
  updates(w, w.updates);
  if (!w.updates.empty() && w.prepared_updates != nullptr) fail("linear", "updates beside attached ones");
  return with_dim(x.shape(), -1, w.out_features);
}

void updates(const Linear& w, std::span<const LowRankUpdate> updates) {
  for (const LowRankUpdate& update : updates) {
    const Tensor &down = update.down, &up = update.up;
    if (down.shape().rank() != 2 || up.shape().rank() != 2 || down.dim(1) != w.in_features ||
        up.dim(1) != down.dim(0) || down.dim(0) == 0 || update.first_row < 0 ||
        update.first_row + up.dim(0) > w.out_features)
      fail("linear", "an update " + up.shape().to_string() + " x " + down.shape().to_string() +
                         " of a weight [" + std::to_string(w.out_features) + ", " +
                         std::to_string(w.in_features) + "] from row " + std::to_string(update.first_row) +
                         " on");
  }
}

Shape conv2d(const Shape& x, const Conv2d& w) {
  if (x.rank() != 4 || x[3] != w.in_channels)
    fail("conv2d", x.to_string() + " (channels last) where " + std::to_string(w.in_channels) +
                       " channels were expected");
  if (!w.weight.defined() && w.prepared == nullptr) fail("conv2d", "the weight was never loaded");
  const Shape filter{w.out_channels, w.in_channels, w.kernel, w.kernel};
  if (w.weight.defined() && w.weight.shape() != filter)
    fail("conv2d",
         "a filter " + w.weight.shape().to_string() + " where " + filter.to_string() + " was announced");
  bias("conv2d", w.bias, w.out_channels);
  const auto side = [&](std::int64_t n) {
    const std::int64_t padded = n + w.pad_before + w.pad_after;
    if (padded < w.kernel) fail("conv2d", x.to_string() + " is smaller than the kernel");
    return (padded - w.kernel) / w.stride + 1;
  };
  return {x[0], side(x[1]), side(x[2]), w.out_channels};
}

void last_dim(std::string_view verb, const Tensor& x, const Tensor& weight) {
  if (!weight.defined()) return;
  require(weight.shape().rank() == 1 && x.shape().rank() >= 1 && weight.dim(0) == x.dim(-1), verb, x, weight);
}

void group_norm(const Shape& x, const GroupNorm& norm) {
  if (x.rank() != 4 || norm.groups <= 0 || x[3] % norm.groups != 0)
    fail("group_norm", x.to_string() + " in " + std::to_string(norm.groups) + " groups");
  for (const Tensor* vector : {&norm.weight, &norm.bias})
    if (vector->defined() && vector->shape() != Shape{x[3]})
      fail("group_norm", x.to_string() + " does not fit " + vector->shape().to_string());
}

void per_picture(std::string_view verb, const Tensor& x, const Tensor& vector) {
  require(x.shape().rank() == 3 && vector.shape() == Shape{x.dim(0), x.dim(2)}, verb, x, vector);
}

void same_shape(std::string_view verb, const Tensor& x, const Tensor& y) {
  require(x.shape() == y.shape(), verb, x, y);
}

std::int64_t broadcast(std::string_view verb, const Tensor& x, const Tensor& y) {
  if (x.shape() == y.shape()) return 1;
  const auto inner = x.shape().dims().subspan(std::min<std::size_t>(1, x.shape().dims().size()));
  require(std::ranges::equal(inner, y.shape().dims()), verb, x, y);
  return x.dim(0);
}

void attention(std::span<const AttentionStream> streams, const AttentionOptions& options) {
  if (streams.empty() || streams.size() > 2)
    fail("attention", "one or two streams, not " + std::to_string(streams.size()));
  const Tensor& first = streams[0].qkv;
  for (const AttentionStream& s : streams) {
    require(s.qkv.shape().rank() == 3 && s.qkv.dim(0) == first.dim(0) && s.qkv.dim(2) == first.dim(2),
            "attention", s.qkv, first);
    if (options.heads <= 0 || s.qkv.dim(2) % (3 * options.heads) != 0)
      fail("attention", s.qkv.shape().to_string() + " in " + std::to_string(options.heads) + " heads");
    const Shape head{s.qkv.dim(2) / (3 * options.heads)};
    for (const Tensor* norm : {&s.norm_q, &s.norm_k})
      if (norm->defined() && norm->shape() != head)
        fail("attention", "a norm of " + norm->shape().to_string());
  }
  if ((options.causal || options.bias.defined()) && streams.size() != 1)
    fail("attention", "causal order and biases need a single stream");
  if (options.last_count < 1 || (options.last_count > 1 && (options.causal || options.bias.defined())))
    fail("attention", "a last token that stands for " + std::to_string(options.last_count));
  if (options.bias.defined() && options.bias.shape() != Shape{options.heads, first.dim(1), first.dim(1)})
    fail("attention", "a bias of " + options.bias.shape().to_string() + " for " + first.shape().to_string());
}

Shape embedding(const Tensor& table, const Tensor& ids) {
  if (table.shape().rank() != 2) fail("embedding", "a table of " + table.shape().to_string());
  if (ids.dtype() != DType::i32) fail("embedding", "ids must be i32");
  for (const std::int32_t id : std::span(ids.data<std::int32_t>(), static_cast<std::size_t>(ids.numel())))
    if (id < 0 || id >= table.dim(0))
      fail("embedding",
           "id " + std::to_string(id) + " in a table of " + std::to_string(table.dim(0)) + " rows");
  std::vector<std::int64_t> dims(ids.shape().dims().begin(), ids.shape().dims().end());
  dims.push_back(table.dim(1));
  return Shape(std::move(dims));
}

Shape concat(std::span<const Tensor> parts, int dim) {
  if (parts.empty()) fail("concat", "nothing to concatenate");
  const int axis = positive_dim("concat", parts[0], dim);
  std::int64_t total = 0;
  for (const Tensor& part : parts) {
    require(part.shape().rank() == parts[0].shape().rank() && part.dtype() == parts[0].dtype() &&
                with_dim(part.shape(), axis, 0) == with_dim(parts[0].shape(), axis, 0),
            "concat", part, parts[0]);
    total += part.dim(axis);
  }
  return with_dim(parts[0].shape(), axis, total);
}

Shape slice(const Tensor& x, int dim, std::int64_t begin, std::int64_t end) {
  const int axis = positive_dim("slice", x, dim);
  if (begin < 0 || begin > end || end > x.dim(axis))
    fail("slice", std::to_string(begin) + " to " + std::to_string(end) + " of dimension " +
                      std::to_string(dim) + " of " + x.shape().to_string());
  return with_dim(x.shape(), axis, end - begin);
}

Shape permute(const Tensor& x, std::span<const int> order) {
  std::vector<int> sorted(order.begin(), order.end());
  std::ranges::sort(sorted);
  std::vector<std::int64_t> dims;
  for (int i = 0; i < static_cast<int>(sorted.size()); ++i) {
    if (sorted[i] != i || x.shape().rank() != static_cast<int>(sorted.size()))
      fail("permute", "not an order of the dimensions of " + x.shape().to_string());
    dims.push_back(x.dim(order[i]));
  }
  return Shape(std::move(dims));
}

}  // namespace sd35::checks
