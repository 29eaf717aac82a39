// The native engine: oneDNN for GEMMs and convolutions, our kernels for everything else.
#include <cmath>

#include "core/cpu.h"
#include "core/error.h"
#include "ops/checks.h"
#include "ops/native/banded_ops.h"
#include "ops/native/conv2d.h"
#include "ops/native/conversion.h"
#include "ops/native/convolved_map.h"
#include "ops/native/data_movement.h"
#include "ops/native/elements.h"
#include "ops/native/group_norm.h"
#include "ops/native/kernels/attention.h"
#include "ops/native/linear.h"
#include "ops/native/row_ops.h"
#include "ops/ops.h"

namespace sd35 {
namespace {

class NativeOps : public Ops {
 public:
  explicit NativeOps(DType compute_type) : compute_type_(compute_type), banded_(compute_type) {}

  std::string_view name() const override { return "native"; }
  DType compute_type() const override { return compute_type_; }
  DType product_type() const override { return native::gemm_type(compute_type_); }
  std::string identity() const override { return native::identity(compute_type_); }

  void prepare(Linear& linear, Reuse reuse) const override {
    native::prepare_linear(linear, reuse, compute_type_);
  }
  void prepare(Conv2d& conv) const override { native::prepare_conv2d(conv, compute_type_); }
  // Below AVX-512 oneDNN's order of sums depends on the number of rows.
  bool rows_are_independent() const override { return isa_level() >= IsaLevel::avx512; }
  void attach(Linear& linear, std::vector<LowRankUpdate> updates) const override {
    native::attach_updates(linear, updates, compute_type_);
  }
  std::string packing() const override { return native::packing(compute_type_); }
  bool restore(Linear& linear, const PackedWeight& packed) const override {
    return native::restore_linear(linear, packed, compute_type_);
  }

  Tensor linear(const Tensor& x, const Linear& w, Activation act, Out out) const override {
    return native::linear(x, w, act, compute_type_, type_of(out));
  }
  Tensor conv2d(const Tensor& x, const Conv2d& w, Out out) const override {
    return native::convolved(x, {}, w, {}, compute_type_, type_of(out));
  }

  Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, float eps) const override {
    return native::layer_norm(x, weight, bias, eps, compute_type_);
  }
  Tensor rms_norm(const Tensor& x, const Tensor& weight, float eps) const override {
    return native::rms_norm(x, weight, eps, compute_type_);
  }
  Tensor group_norm(const Tensor& x, const GroupNorm& norm) const override {
    return native::group_norm(x, norm, compute_type_);
  }
  Tensor norm_modulate(const Tensor& x, const Tensor& shift, const Tensor& scale, float eps) const override {
    return native::norm_modulate(x, shift, scale, eps, compute_type_);
  }

  Tensor add(Tensor x, const Tensor& y) const override { return native::add(std::move(x), y); }
  Tensor gated_add(Tensor x, const Tensor& gate, const Tensor& y) const override {
    return native::gated_add(std::move(x), gate, y);
  }
  Tensor activate(const Tensor& x, Activation act) const override {
    return native::activate(x, act, compute_type_);
  }
  Tensor gated_activate(const Tensor& gate, const Tensor& x, Activation act) const override {
    return native::gated_activate(gate, x, act, compute_type_);
  }

  std::vector<Tensor> attention(std::span<const AttentionStream> streams,
                                const AttentionOptions& options) const override {
    checks::attention(streams, options);
    const std::int64_t batch = streams[0].qkv.dim(0), width = streams[0].qkv.dim(2) / 3;
    const kernels::AttentionSizes sizes{.batch = batch,
                                        .heads = options.heads,
                                        .head_size = width / options.heads,
                                        .scale = options.scale,
                                        .norm_eps = options.norm_eps,
                                        .causal = options.causal,
                                        .bias = native::floats_or_null(options.bias),
                                        .last_bias = std::log2(static_cast<float>(options.last_count))};
    std::vector<Tensor> results;
    std::vector<kernels::AttentionTokens> tokens;
    for (const AttentionStream& stream : streams) {
      const std::int64_t count = stream.qkv.dim(1);
      Tensor& y = results.emplace_back();
      if (stream.wants_output) y = Tensor({batch, count, width}, compute_type_);
      tokens.push_back({.qkv = native::read_from(stream.qkv, 0),
                        .tokens = count,
                        .norm_q = native::floats_or_null(stream.norm_q),
                        .norm_k = native::floats_or_null(stream.norm_k),
                        .result = stream.wants_output ? native::write_to(y, 0) : kernels::Out{}});
    }
    kernels::attention(tokens, sizes);
    return results;
  }

  Tensor embedding(const Tensor& table, const Tensor& ids) const override {
    return native::embedding(table, ids);
  }
  Tensor upsample_nearest2x(const Tensor& x) const override { return native::upsample_nearest2x(x); }
  Tensor norm_conv2d(const Tensor& x, const GroupNorm& norm, const Conv2d& w, Tensor residual,
                     Out out) const override {
    return native::convolved(x, {.norm = &norm}, w, std::move(residual), compute_type_, type_of(out));
  }
  Tensor upsample_conv2d(const Tensor& x, const Conv2d& w) const override {
    return native::convolved(x, {.upsampled = true}, w, {}, compute_type_, compute_type_);
  }
  const BandedOps* banded() const override { return &banded_; }
  Tensor concat(std::span<const Tensor> parts, int dim) const override { return native::concat(parts, dim); }
  Tensor slice(const Tensor& x, int dim, std::int64_t begin, std::int64_t end) const override {
    return native::slice(x, dim, begin, end);
  }
  Tensor permute(const Tensor& x, std::span<const int> order) const override {
    return native::permute(x, order);
  }

 private:
  DType type_of(Out out) const { return out == Out::f32 ? DType::f32 : compute_type_; }

  DType compute_type_;
  native::NativeBandedOps banded_;
};

}  // namespace

std::unique_ptr<Ops> make_native_ops(DType compute_type) {
  if (compute_type != DType::f32 && compute_type != DType::bf16)
    throw ArgumentError("the native engine computes in f32 or bf16, not " +
                        std::string(name_of(compute_type)));
  return std::make_unique<NativeOps>(compute_type);
}

}  // namespace sd35
