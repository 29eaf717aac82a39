#include "ops/decor/profile_ops.h"

#include <type_traits>
#include <vector>

#include "ops/banded_ops.h"

namespace sd35 {
namespace {

std::string shapes(const Tensor& x, std::int64_t out = 0) {
  std::string text = x.shape().to_string();
  if (out > 0) text += " -> " + std::to_string(out);
  return text;
}

double convolution_flops(const Tensor& x, const Conv2d& w) {
  return 2.0 * static_cast<double>(x.numel()) * static_cast<double>(w.out_channels) * w.kernel * w.kernel /
         (w.stride * w.stride);
}

}  // namespace

template <class Body>
auto ProfileOps::timed(std::string_view verb, std::string shapes, double flops, Body body) const {
  const Profile::Clock::time_point start = Profile::Clock::now();
  if constexpr (std::is_void_v<decltype(body())>) {
    body();
    inner().finish();
    profile_.operation(verb, std::move(shapes), start, flops);
  } else {
    auto result = body();
    inner().finish();
    profile_.operation(verb, std::move(shapes), start, flops);
    return result;
  }
}

// Times those verbs that compute something.
class ProfileOps::Banded : public BandedOps {
 public:
  Banded(const ProfileOps& ops, const BandedOps& inner) : ops_(ops), inner_(inner) {}

  Map kept_map(Tensor x) const override { return inner_.kept_map(std::move(x)); }
  Map conv2d(Map x, const Conv2d& w) const override { return inner_.conv2d(std::move(x), w); }
  Map upsample_conv2d(Map x, const Conv2d& w) const override {
    return inner_.upsample_conv2d(std::move(x), w);
  }
  Tensor whole(const Map& x) const override {
    return ops_.timed("bands: whole", x->shape().to_string(), 0, [&] { return inner_.whole(x); });
  }
  Map add_in_place(Map x, const Map& y) const override {
    return ops_.timed("bands: add", y->shape().to_string(), 0,
                      [&] { return inner_.add_in_place(std::move(x), y); });
  }
  Map norm_conv2d(Map x, const GroupNorm& norm, const Conv2d& w, Map residual, Out out) const override {
    return ops_.timed("bands: statistics", x->shape().to_string(), 0,
                      [&] { return inner_.norm_conv2d(x, norm, w, std::move(residual), out); });
  }

 private:
  const ProfileOps& ops_;
  const BandedOps& inner_;
};

ProfileOps::ProfileOps(const Ops& inner, Profile& profile) : ForwardingOps(inner), profile_(profile) {
  if (inner.banded() != nullptr) banded_ = std::make_unique<const Banded>(*this, *inner.banded());
}

ProfileOps::~ProfileOps() = default;

const BandedOps* ProfileOps::banded() const { return banded_.get(); }

void ProfileOps::prepare(Linear& linear, Reuse reuse) const {
  std::string shape = std::to_string(linear.in_features) + " -> " + std::to_string(linear.out_features);
  timed("prepare linear", std::move(shape), 0, [&] { inner().prepare(linear, reuse); });
}

void ProfileOps::prepare(Conv2d& conv) const {
  std::string shape = std::to_string(conv.in_channels) + " -> " + std::to_string(conv.out_channels);
  timed("prepare conv2d", std::move(shape), 0, [&] { inner().prepare(conv); });
}

void ProfileOps::attach(Linear& linear, std::vector<LowRankUpdate> updates) const {
  std::string shape = std::to_string(linear.in_features) + " -> " + std::to_string(linear.out_features);
  timed("attach updates", std::move(shape), 0, [&] { inner().attach(linear, std::move(updates)); });
}

Tensor ProfileOps::linear(const Tensor& x, const Linear& w, Activation act, Out out) const {
  const double flops = 2.0 * static_cast<double>(x.numel()) * static_cast<double>(w.out_features);
  return timed("linear", shapes(x, w.out_features), flops, [&] { return inner().linear(x, w, act, out); });
}

Tensor ProfileOps::conv2d(const Tensor& x, const Conv2d& w, Out out) const {
  return timed("conv2d", shapes(x, w.out_channels), convolution_flops(x, w),
               [&] { return inner().conv2d(x, w, out); });
}

Tensor ProfileOps::layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, float eps) const {
  return timed("layer_norm", shapes(x), 0, [&] { return inner().layer_norm(x, weight, bias, eps); });
}

Tensor ProfileOps::rms_norm(const Tensor& x, const Tensor& weight, float eps) const {
  return timed("rms_norm", shapes(x), 0, [&] { return inner().rms_norm(x, weight, eps); });
}

Tensor ProfileOps::group_norm(const Tensor& x, const GroupNorm& norm) const {
  return timed("group_norm", shapes(x), 0, [&] { return inner().group_norm(x, norm); });
}

Tensor ProfileOps::norm_modulate(const Tensor& x, const Tensor& shift, const Tensor& scale, float eps) const {
  return timed("norm_modulate", shapes(x), 0, [&] { return inner().norm_modulate(x, shift, scale, eps); });
}

Tensor ProfileOps::add(Tensor x, const Tensor& y) const {
  return timed("add", shapes(x), 0, [&] { return inner().add(std::move(x), y); });
}

Tensor ProfileOps::gated_add(Tensor x, const Tensor& gate, const Tensor& y) const {
  return timed("gated_add", shapes(x), 0, [&] { return inner().gated_add(std::move(x), gate, y); });
}

Tensor ProfileOps::subtract(const Tensor& x, const Tensor& y) const {
  return timed("subtract", shapes(x), 0, [&] { return inner().subtract(x, y); });
}

bool ProfileOps::nearly_equal(const Tensor& x, const Tensor& y, double threshold) const {
  return timed("nearly_equal", shapes(x), 0, [&] { return inner().nearly_equal(x, y, threshold); });
}

Tensor ProfileOps::activate(const Tensor& x, Activation act) const {
  return timed("activate", shapes(x), 0, [&] { return inner().activate(x, act); });
}

Tensor ProfileOps::gated_activate(const Tensor& gate, const Tensor& x, Activation act) const {
  return timed("gated_activate", shapes(x), 0, [&] { return inner().gated_activate(gate, x, act); });
}

std::vector<Tensor> ProfileOps::attention(std::span<const AttentionStream> streams,
                                          const AttentionOptions& options) const {
  double queries = 0, keys = 0;
  for (const AttentionStream& s : streams) {
    keys += static_cast<double>(s.qkv.dim(1));
    if (s.wants_output) queries += static_cast<double>(s.qkv.dim(1));
  }
  const double width = static_cast<double>(streams[0].qkv.dim(2)) / 3;
  const double flops = 4.0 * static_cast<double>(streams[0].qkv.dim(0)) * queries * keys * width;
  return timed("attention", shapes(streams[0].qkv, static_cast<std::int64_t>(keys)), flops,
               [&] { return inner().attention(streams, options); });
}

Tensor ProfileOps::embedding(const Tensor& table, const Tensor& ids) const {
  return timed("embedding", shapes(table), 0, [&] { return inner().embedding(table, ids); });
}

Tensor ProfileOps::upsample_nearest2x(const Tensor& x) const {
  return timed("upsample_nearest2x", shapes(x), 0, [&] { return inner().upsample_nearest2x(x); });
}

Tensor ProfileOps::norm_conv2d(const Tensor& x, const GroupNorm& norm, const Conv2d& w, Tensor residual,
                               Out out) const {
  return timed("norm_conv2d", shapes(x, w.out_channels), convolution_flops(x, w),
               [&] { return inner().norm_conv2d(x, norm, w, std::move(residual), out); });
}

Tensor ProfileOps::upsample_conv2d(const Tensor& x, const Conv2d& w) const {
  return timed("upsample_conv2d", shapes(x, w.out_channels), 4 * convolution_flops(x, w),
               [&] { return inner().upsample_conv2d(x, w); });
}

Tensor ProfileOps::concat(std::span<const Tensor> parts, int dim) const {
  return timed("concat", shapes(parts[0]), 0, [&] { return inner().concat(parts, dim); });
}

Tensor ProfileOps::slice(const Tensor& x, int dim, std::int64_t begin, std::int64_t end) const {
  return timed("slice", shapes(x, end - begin), 0, [&] { return inner().slice(x, dim, begin, end); });
}

std::vector<Tensor> ProfileOps::split(const Tensor& x, int dim, std::int64_t size) const {
  return timed("split", shapes(x), 0, [&] { return inner().split(x, dim, size); });
}

Tensor ProfileOps::permute(const Tensor& x, std::span<const int> order) const {
  return timed("permute", shapes(x), 0, [&] { return inner().permute(x, order); });
}

}  // namespace sd35
