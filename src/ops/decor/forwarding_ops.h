// An engine that passes every verb on to another: the base of decorators, which override what they watch.
#pragma once

#include "ops/ops.h"

namespace sd35 {

class ForwardingOps : public Ops {
 public:
  explicit ForwardingOps(const Ops& inner) : inner_(inner) {}

  std::string_view name() const override { return inner_.name(); }
  DType compute_type() const override { return inner_.compute_type(); }
  DType product_type() const override { return inner_.product_type(); }
  Device device() const override { return inner_.device(); }
  std::string identity() const override { return inner_.identity(); }
  double ceiling_gflops() const override { return inner_.ceiling_gflops(); }
  void finish() const override { inner_.finish(); }
  void trim() const override { inner_.trim(); }
  void prepare(Linear& linear, Reuse reuse) const override { inner_.prepare(linear, reuse); }
  void prepare(Conv2d& conv) const override { inner_.prepare(conv); }
  bool rows_are_independent() const override { return inner_.rows_are_independent(); }
  std::string packing() const override { return inner_.packing(); }
  bool restore(Linear& linear, const PackedWeight& packed) const override {
    return inner_.restore(linear, packed);
  }
  void attach(Linear& linear, std::vector<LowRankUpdate> updates) const override {
    inner_.attach(linear, std::move(updates));
  }

  Tensor linear(const Tensor& x, const Linear& w, Activation act, Out out) const override {
    return inner_.linear(x, w, act, out);
  }
  Tensor conv2d(const Tensor& x, const Conv2d& w, Out out) const override { return inner_.conv2d(x, w, out); }
  Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, float eps) const override {
    return inner_.layer_norm(x, weight, bias, eps);
  }
  Tensor rms_norm(const Tensor& x, const Tensor& weight, float eps) const override {
    return inner_.rms_norm(x, weight, eps);
  }
  Tensor group_norm(const Tensor& x, const GroupNorm& norm) const override {
    return inner_.group_norm(x, norm);
  }
  Tensor norm_modulate(const Tensor& x, const Tensor& shift, const Tensor& scale, float eps) const override {
    return inner_.norm_modulate(x, shift, scale, eps);
  }
  Tensor add(Tensor x, const Tensor& y) const override { return inner_.add(std::move(x), y); }
  Tensor gated_add(Tensor x, const Tensor& gate, const Tensor& y) const override {
    return inner_.gated_add(std::move(x), gate, y);
  }
  Tensor subtract(const Tensor& x, const Tensor& y) const override { return inner_.subtract(x, y); }
  bool nearly_equal(const Tensor& x, const Tensor& y, double threshold) const override {
    return inner_.nearly_equal(x, y, threshold);
  }
  Tensor activate(const Tensor& x, Activation act) const override { return inner_.activate(x, act); }
  Tensor gated_activate(const Tensor& gate, const Tensor& x, Activation act) const override {
    return inner_.gated_activate(gate, x, act);
  }
  std::vector<Tensor> attention(std::span<const AttentionStream> streams,
                                const AttentionOptions& options) const override {
    return inner_.attention(streams, options);
  }
  Tensor embedding(const Tensor& table, const Tensor& ids) const override {
    return inner_.embedding(table, ids);
  }
  Tensor upsample_nearest2x(const Tensor& x) const override { return inner_.upsample_nearest2x(x); }
  Tensor norm_conv2d(const Tensor& x, const GroupNorm& norm, const Conv2d& w, Tensor residual,
                     Out out) const override {
    return inner_.norm_conv2d(x, norm, w, std::move(residual), out);
  }
  Tensor upsample_conv2d(const Tensor& x, const Conv2d& w) const override {
    return inner_.upsample_conv2d(x, w);
  }
  const BandedOps* banded() const override { return inner_.banded(); }
  Tensor concat(std::span<const Tensor> parts, int dim) const override { return inner_.concat(parts, dim); }
  Tensor slice(const Tensor& x, int dim, std::int64_t begin, std::int64_t end) const override {
    return inner_.slice(x, dim, begin, end);
  }
  std::vector<Tensor> split(const Tensor& x, int dim, std::int64_t size) const override {
    return inner_.split(x, dim, size);
  }
  Tensor permute(const Tensor& x, std::span<const int> order) const override {
    return inner_.permute(x, order);
  }
  Tensor to_f32(const Tensor& x) const override { return inner_.to_f32(x); }
  std::vector<Tensor> segment(std::vector<Tensor> inputs, const Segment& body) const override {
    return inner_.segment(std::move(inputs), body);
  }
  void tap(std::string_view name, const Tensor& x) const override { inner_.tap(name, x); }
  void begin_part(std::string_view name, int index) const override { inner_.begin_part(name, index); }
  void end_part() const override { inner_.end_part(); }

 protected:
  const Ops& inner() const { return inner_; }

 private:
  const Ops& inner_;
};

}  // namespace sd35
