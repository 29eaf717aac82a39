#include "ops/native/linear.h"

#include <algorithm>

#include "core/cpu.h"
#include "core/error.h"
#include "core/threads.h"
#include "ops/checks.h"
#include "ops/native/conversion.h"
#include "ops/native/elements.h"
#include "ops/native/low_rank.h"
#include "ops/native/onednn.h"
#include "ops/native/packed_matrix.h"
#include "ops/native/quantized_linear.h"

namespace sd35::native {
namespace {

const std::byte* feature(const Tensor& weight, std::int64_t row, std::int64_t in) {
  return static_cast<const std::byte*>(weight.raw()) +
         row * in * static_cast<std::int64_t>(size_of(weight.dtype()));
}

// A product with a weight that lies in memory row-major, in any type: converted, where it must be, a block of
// output features at a time, and so is the result where oneDNN cannot write its type.
class PlainProduct {
 public:
  PlainProduct(const Tensor& x, const Linear& w, Activation act, bool accumulate, Tensor& y)
      : x_(x), w_(w), y_(y), in_(w.in_features), out_(w.out_features) {
    spec_.rows = y.numel() / out_;
    spec_.in = in_;
    spec_.dtype = x.dtype();
    spec_.bias = w.bias.defined();
    spec_.activation = act;
    spec_.accumulate = accumulate;
    convert_weight_ = w.weight.dtype() != x.dtype();
    convert_result_ = y.dtype() != x.dtype() && y.dtype() != DType::f32;
    spec_.result_dtype = convert_result_ ? DType::f32 : y.dtype();
  }

  void run() {
    const bool whole = !convert_weight_ && !convert_result_;
    const std::int64_t block = whole ? out_ : std::min(out_, features_per_block(in_, spec_.dtype));
    if (convert_weight_) weight_scratch_ = Tensor({block, in_}, spec_.dtype);
    if (convert_result_) result_scratch_ = Tensor({spec_.rows, block}, spec_.result_dtype);
    for (std::int64_t begin = 0; begin < out_; begin += block)
      run_features(begin, std::min(block, out_ - begin));
  }

 private:
  void run_features(std::int64_t begin, std::int64_t count) {
    const void* weight = feature(w_.weight, begin, in_);
    if (convert_weight_) {
      convert_elements(weight, w_.weight.dtype(), weight_scratch_.raw(), spec_.dtype, count * in_);
      weight = weight_scratch_.raw();
    }
    spec_.out = count;
    spec_.result_stride = convert_result_ ? count : out_;
    auto* result = static_cast<std::byte*>(y_.raw()) + begin * static_cast<std::int64_t>(size_of(y_.dtype()));
    const float* bias = spec_.bias ? w_.bias.data<float>() + begin : nullptr;
    onednn::primitive(spec_, onednn::Layout::matrix(spec_.dtype, count, in_))
        ->run(x_.raw(), weight, bias, convert_result_ ? result_scratch_.raw() : result);
    if (convert_result_) store_result(result, count);
  }

  void store_result(std::byte* result, std::int64_t count) {
    const auto row_bytes = out_ * static_cast<std::int64_t>(size_of(y_.dtype()));
    parallel_for(spec_.rows, 16, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row)
        convert_elements(result_scratch_.data<float>() + row * count, DType::f32, result + row * row_bytes,
                         y_.dtype(), count);
    });
  }

  const Tensor& x_;
  const Linear& w_;
  Tensor& y_;
  std::int64_t in_, out_;
  onednn::MatmulSpec spec_;
  bool convert_weight_ = false, convert_result_ = false;
  Tensor weight_scratch_, result_scratch_;
};

// The weight where it is quantized, prepared or not; else null.
std::shared_ptr<const QuantizedWeight> quantized_weight(const Linear& linear, DType compute_type) {
  if (linear.prepared == nullptr && linear.quantized != nullptr)
    return pack_quantized(linear.quantized, compute_type);
  return std::dynamic_pointer_cast<const QuantizedWeight>(linear.prepared);
}

// y = act(x W^T + b), to which y is added before the activation where it is accumulated.
void product(const Tensor& x, const Linear& w, Activation act, DType compute_type, bool accumulate,
             Tensor& y) {
  if (const auto quantized = quantized_weight(w, compute_type))
    return quantized->product(x, w.bias, act, accumulate, y);
  if (w.prepared == nullptr) {
    const Tensor input = converted(x, gemm_type(compute_type));
    return PlainProduct(input, w, act, accumulate, y).run();
  }
  const auto* packed = dynamic_cast<const PackedMatrix*>(w.prepared.get());
  if (packed == nullptr || packed->dtype() != compute_type)
    throw Error("linear: the weight was prepared by another engine");
  const Tensor input = converted(x, packed->dtype());
  const onednn::MatmulSpec spec{.rows = y.numel() / packed->out(),
                                .result_dtype = y.dtype(),
                                .result_stride = packed->out(),
                                .activation = act,
                                .accumulate = accumulate};
  packed->product(spec, input.raw(), floats_or_null(w.bias), y.raw());
}

// The updates of a layer, prepared or not; null where there are none.
std::shared_ptr<const LowRankProducts> low_rank_products(const Linear& w, DType dtype) {
  if (!w.updates.empty()) return std::make_shared<const LowRankProducts>(w.updates, w, dtype);
  if (w.prepared_updates == nullptr) return nullptr;
  auto prepared = std::dynamic_pointer_cast<const LowRankProducts>(w.prepared_updates);
  if (prepared == nullptr || prepared->dtype() != dtype)
    throw Error("linear: the updates were prepared by another engine");
  return prepared;
}

}  // namespace

Tensor linear(const Tensor& x, const Linear& w, Activation act, DType compute_type, DType result_type) {
  const Shape shape = checks::linear(x, w);
  const DType operands = gemm_type(compute_type);
  const auto updates = low_rank_products(w, operands);
  if (updates == nullptr) {
    Tensor y(shape, result_type);
    if (y.numel() > 0) product(x, w, act, compute_type, false, y);
    return y;
  }
  // The thin products are written first, and the large one adds to them before it activates: one more pass
  // over y, and no rounding of the large sum in between. Products of f32 write f32 only.
  Tensor y(shape, operands == compute_type ? result_type : DType::f32);
  if (y.numel() > 0) {
    updates->product(converted(x, operands), y);
    product(x, w, act, compute_type, true, y);
  }
  return converted(y, result_type);
}

void attach_updates(Linear& linear, const std::vector<LowRankUpdate>& updates, DType compute_type) {
  checks::updates(linear, updates);
  linear.updates.clear();
  linear.prepared_updates =
      updates.empty() ? nullptr
                      : std::make_shared<const LowRankProducts>(updates, linear, gemm_type(compute_type));
}

void prepare_linear(Linear& linear, Reuse reuse, DType compute_type) {
  if (linear.quantized != nullptr) {
    if (reuse == Reuse::once) return;
    linear.prepared = pack_quantized(linear.quantized, compute_type);
    linear.quantized = nullptr;
    return;
  }
  if (!linear.weight.defined() || linear.weight.numel() == 0) return;
  // Without bf16 instructions the weight stays in its 2 bytes and widens block by block in every call.
  if (reuse == Reuse::once || gemm_type(compute_type) != compute_type) {
    linear.weight = converted(linear.weight, compute_type);
    return;
  }
  linear.prepared = PackedMatrix::pack(linear.weight, linear.out_features, linear.in_features, compute_type);
  linear.weight = Tensor();
}

std::string identity(DType compute_type) {
  return "native " + std::string(name_of(compute_type)) + " " + name_of(isa_level()) + ", oneDNN " +
         onednn::identity();
}

std::string packing(DType compute_type) {
  constexpr int kVersion = 1;  // of the orders in which our own kernels read weights
  return "packing " + std::to_string(kVersion) + " of " + identity(compute_type);
}

bool restore_linear(Linear& linear, const PackedWeight& packed, DType compute_type) {
  if (auto quantized = restore_quantized(packed, linear.out_features, linear.in_features, compute_type)) {
    linear.prepared = std::move(quantized);
    return true;
  }
  if (gemm_type(compute_type) != compute_type) return false;
  auto matrix = PackedMatrix::restore(packed, linear.out_features, linear.in_features, compute_type);
  if (matrix == nullptr) return false;
  linear.prepared = std::move(matrix);
  return true;
}

}  // namespace sd35::native
