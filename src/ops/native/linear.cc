#include "ops/native/linear.h"

#include <algorithm>

#include "core/cpu.h"
#include "core/error.h"
#include "core/threads.h"
#include "ops/checks.h"
#include "ops/native/conversion.h"
#include "ops/native/onednn.h"
#include "ops/native/quantized_linear.h"

namespace sd35::native {
namespace {

// Bytes of scratch for the part of a weight that is being converted: small enough for a shared cache.
constexpr std::int64_t kConversionScratch = std::int64_t{8} << 20;
// Blocked layouts hardly depend on the rows of x; this many stand for all.
constexpr std::int64_t kTypicalRows = 1024;

// A weight in the blocked layout that serves every number of rows.
class PackedMatrix : public PreparedWeight {
 public:
  PackedMatrix(DType dtype, onednn::Layout layout, std::int64_t out, std::int64_t in, Tensor elements)
      : dtype(dtype), layout(std::move(layout)), out(out), in(in), elements(std::move(elements)) {}
  std::optional<PackedWeight> packed() const override { return PackedWeight{form(layout), {elements}}; }
  static std::string form(const onednn::Layout& layout) { return "oneDNN " + layout.text(); }

  DType dtype;
  onednn::Layout layout;
  std::int64_t out, in;
  Tensor elements;
};

// How many output features of `in` elements are converted at a time.
std::int64_t features_a_block(std::int64_t in, DType dtype) {
  const std::int64_t fitting = kConversionScratch / std::max<std::int64_t>(1, in * size_of(dtype));
  return std::max(onednn::kRowGranularity, fitting / onednn::kRowGranularity * onednn::kRowGranularity);
}

const std::byte* feature(const Tensor& weight, std::int64_t row, std::int64_t in) {
  return static_cast<const std::byte*>(weight.raw()) +
         row * in * static_cast<std::int64_t>(size_of(weight.dtype()));
}

// A product with a weight that lies in memory row-major, in any type: converted, where it must be, a block of
// output features at a time, and so is the result where oneDNN cannot write its type.
class PlainProduct {
 public:
  PlainProduct(const Tensor& x, const Linear& w, Activation act, Tensor& y)
      : x_(x), w_(w), y_(y), in_(w.in_features), out_(w.out_features) {
    spec_.rows = y.numel() / out_;
    spec_.in = in_;
    spec_.dtype = x.dtype();
    spec_.bias = w.bias.defined();
    spec_.activation = act;
    convert_weight_ = w.weight.dtype() != x.dtype();
    convert_result_ = y.dtype() != x.dtype() && y.dtype() != DType::f32;
    spec_.result_dtype = convert_result_ ? DType::f32 : y.dtype();
  }

  void run() {
    const bool whole = !convert_weight_ && !convert_result_;
    const std::int64_t block = whole ? out_ : std::min(out_, features_a_block(in_, spec_.dtype));
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

void packed_product(const Tensor& x, const PackedMatrix& packed, const Linear& w, Activation act, Tensor& y) {
  const onednn::MatmulSpec spec{y.numel() / packed.out, packed.in, packed.out,
                                packed.dtype,           y.dtype(), packed.out,
                                w.bias.defined(),       act};
  const float* bias = spec.bias ? w.bias.data<float>() : nullptr;
  const auto product = onednn::primitive(spec, packed.layout);
  if (!product->plain_loops()) return product->run(x.raw(), packed.elements.raw(), bias, y.raw());
  const auto preferred = onednn::primitive(spec, std::nullopt);
  const Tensor elements({static_cast<std::int64_t>(preferred->weight_layout().bytes())}, DType::u8);
  onednn::reorder(packed.layout, packed.elements.raw(), preferred->weight_layout(),
                  const_cast<void*>(elements.raw()));
  preferred->run(x.raw(), elements.raw(), bias, y.raw());
}

onednn::Layout packed_layout(const Linear& linear, DType dtype) {
  const std::int64_t out = linear.out_features, in = linear.in_features;
  const onednn::MatmulSpec typical{kTypicalRows, in, out, dtype, dtype, out};
  return onednn::primitive(typical, std::nullopt)->weight_layout();
}

std::shared_ptr<const PackedMatrix> pack(const Linear& linear, DType dtype) {
  const std::int64_t out = linear.out_features, in = linear.in_features;
  const onednn::Layout layout = packed_layout(linear, dtype);
  auto packed = std::make_shared<PackedMatrix>(
      dtype, layout, out, in, Tensor({static_cast<std::int64_t>(layout.bytes())}, DType::u8));
  void* target = packed->elements.raw();
  const DType stored = linear.weight.dtype();
  if (stored == DType::f32 || stored == DType::bf16) {
    onednn::reorder(onednn::Layout::matrix(stored, out, in), linear.weight.raw(), packed->layout, target);
    return packed;
  }
  const std::int64_t block = std::min(out, features_a_block(in, dtype));
  Tensor scratch({block, in}, dtype);
  for (std::int64_t begin = 0; begin < out; begin += block) {
    const std::int64_t count = std::min(block, out - begin);
    convert_elements(feature(linear.weight, begin, in), stored, scratch.raw(), dtype, count * in);
    onednn::reorder(onednn::Layout::matrix(dtype, count, in), scratch.raw(),
                    packed->layout.rows(begin, count), target);
  }
  return packed;
}

// The weight where it is quantized, prepared or not; else null.
std::shared_ptr<const QuantizedWeight> quantized_weight(const Linear& linear, DType compute_type) {
  if (linear.prepared == nullptr && linear.quantized != nullptr)
    return pack_quantized(linear.quantized, compute_type);
  return std::dynamic_pointer_cast<const QuantizedWeight>(linear.prepared);
}

}  // namespace

Tensor linear(const Tensor& x, const Linear& w, Activation act, DType compute_type, DType result_type) {
  Tensor y(checks::linear(x, w), result_type);
  if (!w.updates.empty()) throw Error("linear: the native engine knows no low-rank updates");
  if (y.numel() == 0) return y;
  if (const auto quantized = quantized_weight(w, compute_type)) {
    quantized->product(x, w.bias, act, y);
  } else if (w.prepared != nullptr) {
    const auto* packed = dynamic_cast<const PackedMatrix*>(w.prepared.get());
    if (packed == nullptr || packed->dtype != compute_type)
      throw Error("linear: the weight was prepared by another engine");
    packed_product(converted(x, packed->dtype), *packed, w, act, y);
  } else {
    const Tensor input = converted(x, gemm_type(compute_type));
    PlainProduct(input, w, act, y).run();
  }
  return y;
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
  linear.prepared = pack(linear, compute_type);
  linear.weight = Tensor();
}

std::string packing(DType compute_type) {
  constexpr int kVersion = 1;  // of the orders in which our own kernels read weights
  return "native " + std::to_string(kVersion) + " " + std::string(name_of(compute_type)) + " " +
         name_of(isa_level()) + ", oneDNN " + onednn::identity();
}

bool restore_linear(Linear& linear, const PackedWeight& packed, DType compute_type) {
  if (auto quantized = restore_quantized(packed, linear.out_features, linear.in_features, compute_type)) {
    linear.prepared = std::move(quantized);
    return true;
  }
  if (gemm_type(compute_type) != compute_type || packed.parts.size() != 1) return false;
  const onednn::Layout layout = packed_layout(linear, compute_type);
  if (packed.form != PackedMatrix::form(layout) || packed.parts[0].bytes() < layout.bytes()) return false;
  linear.prepared = std::make_shared<PackedMatrix>(compute_type, layout, linear.out_features,
                                                   linear.in_features, packed.parts[0]);
  return true;
}

}  // namespace sd35::native
