// Times every verb of an engine, until a device has computed it, and the parts of the models around them.
#pragma once

#include <string>

#include "ops/decor/forwarding_ops.h"
#include "ops/decor/profile.h"

namespace sd35 {

class ProfileOps : public ForwardingOps {
 public:
  // `profile` is filled by one thread.
  ProfileOps(const Ops& inner, Profile& profile);
  ~ProfileOps() override;

  void prepare(Linear& linear, Reuse reuse) const override;
  void prepare(Conv2d& conv) const override;
  void attach(Linear& linear, std::vector<LowRankUpdate> updates) const override;
  Tensor linear(const Tensor& x, const Linear& w, Activation act, Out out) const override;
  Tensor conv2d(const Tensor& x, const Conv2d& w, Out out) const override;
  Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, float eps) const override;
  Tensor rms_norm(const Tensor& x, const Tensor& weight, float eps) const override;
  Tensor group_norm(const Tensor& x, const GroupNorm& norm) const override;
  Tensor norm_modulate(const Tensor& x, const Tensor& shift, const Tensor& scale, float eps) const override;
  Tensor add(Tensor x, const Tensor& y) const override;
  Tensor gated_add(Tensor x, const Tensor& gate, const Tensor& y) const override;
  Tensor subtract(const Tensor& x, const Tensor& y) const override;
  bool nearly_equal(const Tensor& x, const Tensor& y, double threshold) const override;
  Tensor activate(const Tensor& x, Activation act) const override;
  Tensor gated_activate(const Tensor& gate, const Tensor& x, Activation act) const override;
  std::vector<Tensor> attention(std::span<const AttentionStream> streams,
                                const AttentionOptions& options) const override;
  Tensor embedding(const Tensor& table, const Tensor& ids) const override;
  Tensor upsample_nearest2x(const Tensor& x) const override;
  Tensor norm_conv2d(const Tensor& x, const GroupNorm& norm, const Conv2d& w, Tensor residual,
                     Out out) const override;
  Tensor upsample_conv2d(const Tensor& x, const Conv2d& w) const override;
  const BandedOps* banded() const override;
  Tensor concat(std::span<const Tensor> parts, int dim) const override;
  Tensor slice(const Tensor& x, int dim, std::int64_t begin, std::int64_t end) const override;
  std::vector<Tensor> split(const Tensor& x, int dim, std::int64_t size) const override;
  Tensor permute(const Tensor& x, std::span<const int> order) const override;

  void begin_part(std::string_view name, int index) const override {
    profile_.begin(index < 0 ? std::string(name) : std::string(name) + " " + std::to_string(index));
  }
  void end_part() const override { profile_.end(); }

 private:
  template <class Body>
  auto timed(std::string_view verb, std::string shapes, double flops, Body body) const;

  class Banded;

  Profile& profile_;
  std::unique_ptr<const Banded> banded_;  // null where the engine has none
};

}  // namespace sd35
