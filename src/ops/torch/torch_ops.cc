#include "ops/torch/torch_ops.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>
#include <torch/version.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <mutex>
#include <utility>

#include "core/cpu.h"
#include "core/error.h"
#include "core/threads.h"
#include "ops/checks.h"
#include "ops/torch/device_rows.h"
#include "ops/torch/host_attention.h"
#include "ops/torch/host_linear.h"
#include "ops/torch/host_rows.h"
#include "ops/torch/recomputed_segment.h"

namespace sd35 {
namespace {

constexpr std::array kScalarTypes{
    std::pair{DType::f32, at::kFloat},     std::pair{DType::f16, at::kHalf},
    std::pair{DType::bf16, at::kBFloat16}, std::pair{DType::f64, at::kDouble},
    std::pair{DType::i64, at::kLong},      std::pair{DType::i32, at::kInt},
    std::pair{DType::i16, at::kShort},     std::pair{DType::i8, at::kChar},
    std::pair{DType::u8, at::kByte},       std::pair{DType::boolean, at::kBool}};

DType dtype_of(at::ScalarType type) {
  for (const auto& [dtype, scalar_type] : kScalarTypes)
    if (scalar_type == type) return dtype;
  throw Error(std::string("a torch tensor of ") + at::toString(type) + " has no counterpart here");
}

bool has_scalar_type(DType type) {
  for (const auto& [dtype, scalar_type] : kScalarTypes)
    if (dtype == type) return true;
  return false;
}

at::ScalarType scalar_type_of(DType type) {
  for (const auto& [dtype, scalar_type] : kScalarTypes)
    if (dtype == type) return scalar_type;
  throw Error("torch has no " + std::string(name_of(type)));
}

at::IntArrayRef sizes_of(const Shape& shape) { return {shape.dims().data(), shape.dims().size()}; }

class TorchStorage : public Storage {
 public:
  explicit TorchStorage(at::Tensor value)
      : Storage(value.data_ptr(), value.nbytes()), value_(std::move(value)) {}
  const at::Tensor& value() const { return value_; }

  void* data() const override {
    if (value_.is_cpu()) return Storage::data();
    std::call_once(copied_, [this] { on_host_ = value_.detach().cpu(); });
    return on_host_.data_ptr();
  }

  Device device() const override { return value_.is_cpu() ? Device{} : Device{value_.device().str(), false}; }

 private:
  at::Tensor value_;  // contiguous
  mutable std::once_flag copied_;
  mutable at::Tensor on_host_;
};

// The memory of another engine, shared for as long as the result lives.
at::Tensor wrap(const Tensor& x) {
  if (x.numel() == 0) return at::empty(sizes_of(x.shape()), at::TensorOptions(scalar_type_of(x.dtype())));
  const bool aligned = reinterpret_cast<std::uintptr_t>(x.raw()) % size_of(x.dtype()) == 0;
  if (!aligned) return wrap(x.clone());  // of a mapped file
  return at::from_blob(
      const_cast<void*>(x.raw()), sizes_of(x.shape()), [keep = x.storage()](void*) {},
      at::TensorOptions(scalar_type_of(x.dtype())));
}

at::Tensor apply(Activation act, const at::Tensor& x) {
  switch (act) {
    case Activation::none:
      return x;
    case Activation::silu:
      return at::silu(x);
    case Activation::gelu:
      return at::gelu(x);
    case Activation::gelu_tanh:
      return at::gelu(x, "tanh");
    case Activation::quick_gelu:
      return x * at::sigmoid(1.702 * x);
    case Activation::relu:
      return at::clamp_min(x, 0);
  }
  throw Error("unknown activation");
}

at::Tensor to_planes(const at::Tensor& x) { return x.permute({0, 3, 1, 2}); }
at::Tensor to_channels_last(const at::Tensor& x) { return x.permute({0, 2, 3, 1}); }

class TorchOps : public Ops {
 public:
  TorchOps(at::ScalarType compute, at::Device device, bool recompute)
      : compute_(compute),
        wide_(compute == at::kDouble ? at::kDouble : at::kFloat),
        product_(compute == at::kBFloat16 && device.is_cpu() && !has_bf16_instructions() ? at::kFloat
                                                                                         : compute),
        device_(device),
        on_host_(device.is_cpu() && !device.has_index() && compute != at::kDouble),
        recompute_(recompute) {}

  std::string_view name() const override { return "torch"; }
  DType compute_type() const override { return dtype_of(compute_); }
  DType product_type() const override { return dtype_of(product_); }
  Device device() const override { return {device_.str(), device_.is_cpu() && !device_.has_index()}; }
  std::string identity() const override {
    return Ops::identity() + " " + sd35::name_of(isa_level()) + ", LibTorch " TORCH_VERSION;
  }
  double ceiling_gflops() const override;
  // A copy to the host waits for all that was queued before it.
  void finish() const override {
    if (!device_.is_cpu()) at::zeros({1}, at::TensorOptions(device_)).cpu();
  }

  void prepare(Linear& linear, Reuse reuse) const override {
    if (linear.quantized != nullptr) linear.weight = std::exchange(linear.quantized, nullptr)->dense();
    if (reuse == Reuse::many) linear.weight = resident(linear.weight);
  }
  void prepare(Conv2d& conv) const override { conv.weight = resident(conv.weight); }
  void attach(Linear& linear, std::vector<LowRankUpdate> updates) const override {
    Ops::attach(linear, std::move(updates));
    for (LowRankUpdate& update : linear.updates) {
      update.down = resident(update.down);
      update.up = resident(update.up);
    }
  }

  Tensor linear(const Tensor& x, const Linear& w, Activation act, Out out) const override {
    checks::linear(x, w);
    const Tensor dense = w.quantized != nullptr ? w.quantized->dense() : w.weight;
    const at::Tensor in = computing(x), weight = to_torch(dense).view({w.out_features, w.in_features});
    const at::ScalarType type = out == Out::f32 ? wide_ : compute_;
    if (w.updates.empty()) return from_torch(product(in, weight, to_torch(w.bias), act, type));
    at::Tensor y = product(in, weight, to_torch(w.bias), Activation::none, wide_);
    for (const LowRankUpdate& update : w.updates) {
      const at::Tensor low = product(in, to_torch(update.down), {}, Activation::none, compute_);
      const at::Tensor rows = product(low, to_torch(update.up), {}, Activation::none, wide_) * update.scale;
      const std::int64_t after = w.out_features - update.first_row - update.up.dim(0);
      y = y + at::constant_pad_nd(rows, {update.first_row, after});
    }
    return result(apply(act, y), out);
  }

  Tensor conv2d(const Tensor& x, const Conv2d& w, Out out) const override {
    checks::conv2d(x.shape(), w);
    at::Tensor planes = to_planes(multiplying(x));
    std::array<std::int64_t, 2> padding{w.pad_before, w.pad_before};
    const std::array<std::int64_t, 2> stride{w.stride, w.stride};
    if (w.pad_before != w.pad_after) {
      planes = at::constant_pad_nd(planes, {w.pad_before, w.pad_after, w.pad_before, w.pad_after});
      padding = {0, 0};
    }
    return result(
        to_channels_last(at::conv2d(planes, multiplying(w.weight), multiplying(w.bias), stride, padding)),
        out);
  }

  Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, float eps) const override {
    checks::last_dim("layer_norm", x, weight);
    checks::last_dim("layer_norm", x, bias);
    return result(at::layer_norm(wide(x), {x.dim(-1)}, wide(weight), wide(bias), eps));
  }

  Tensor rms_norm(const Tensor& x, const Tensor& weight, float eps) const override {
    checks::last_dim("rms_norm", x, weight);
    return result(normalize_rms(wide(x), weight, eps));
  }

  Tensor group_norm(const Tensor& x, const GroupNorm& norm) const override {
    checks::group_norm(x.shape(), norm);
    const at::Tensor normed =
        at::group_norm(to_planes(wide(x)), norm.groups, wide(norm.weight), wide(norm.bias), norm.eps);
    return result(to_channels_last(apply(norm.act, normed)));
  }

  Tensor norm_modulate(const Tensor& x, const Tensor& shift, const Tensor& scale, float eps) const override {
    checks::per_picture("norm_modulate", x, shift);
    checks::per_picture("norm_modulate", x, scale);
    if (on_host_)
      return from_torch(host::norm_modulate(to_torch(x), to_torch(shift), to_torch(scale), eps, compute_));
    return from_torch(device::norm_modulate(on_device(x), wide(shift), wide(scale), eps, compute_));
  }

  Tensor add(Tensor x, const Tensor& y) const override {
    checks::broadcast("add", x, y);
    const at::Tensor first = on_device(x);
    return from_torch((first + on_device(y)).to(first.scalar_type()));
  }

  Tensor gated_add(Tensor x, const Tensor& gate, const Tensor& y) const override {
    checks::same_shape("gated_add", x, y);
    checks::per_picture("gated_add", x, gate);
    if (on_host_) return from_torch(host::gated_add(to_torch(x), to_torch(gate), to_torch(y)));
    return from_torch(device::gated_add(on_device(x), wide(gate), on_device(y)));
  }

  Tensor subtract(const Tensor& x, const Tensor& y) const override {
    checks::same_shape("subtract", x, y);
    return from_torch(wide(x) - wide(y));
  }
  bool nearly_equal(const Tensor& x, const Tensor& y, double threshold) const override {
    checks::same_shape("nearly_equal", x, y);
    const at::Tensor reference = wide(y);
    const at::Tensor sums =
        at::stack({(wide(x) - reference).abs().sum(at::kDouble), reference.abs().sum(at::kDouble)}).cpu();
    return sums[0].item<double>() < threshold * sums[1].item<double>();
  }

  Tensor activate(const Tensor& x, Activation act) const override { return result(apply(act, wide(x))); }

  Tensor gated_activate(const Tensor& gate, const Tensor& x, Activation act) const override {
    checks::same_shape("gated_activate", gate, x);
    return result(apply(act, wide(gate)) * wide(x));
  }

  std::vector<Tensor> attention(std::span<const AttentionStream> streams,
                                const AttentionOptions& options) const override;

  Tensor embedding(const Tensor& table, const Tensor& ids) const override {
    checks::embedding(table, ids);
    // The table stays where it lies: only the rows travel.
    const at::Tensor rows = to_torch(table);
    return result(at::embedding(rows, to_torch(ids).to(rows.device(), at::kLong)), Out::f32);
  }

  Tensor upsample_nearest2x(const Tensor& x) const override {
    const std::int64_t B = x.dim(0), Y = x.dim(1), X = x.dim(2), C = x.dim(3);
    const at::Tensor pixels = on_device(x).view({B, Y, 1, X, 1, C}).expand({B, Y, 2, X, 2, C});
    return from_torch(pixels.reshape({B, 2 * Y, 2 * X, C}));
  }

  Tensor concat(std::span<const Tensor> parts, int dim) const override {
    checks::concat(parts, dim);
    std::vector<at::Tensor> values;
    for (const Tensor& part : parts) values.push_back(on_device(part));
    return from_torch(at::cat(values, dim));
  }

  Tensor slice(const Tensor& x, int dim, std::int64_t begin, std::int64_t end) const override {
    checks::slice(x, dim, begin, end);
    return from_torch(on_device(x).narrow(dim, begin, end - begin));
  }

  std::vector<Tensor> split(const Tensor& x, int dim, std::int64_t size) const override {
    std::vector<Tensor> parts;
    for (const at::Tensor& part : on_device(x).split(size, dim)) parts.push_back(from_torch(part));
    return parts;
  }

  Tensor permute(const Tensor& x, std::span<const int> order) const override {
    checks::permute(x, order);
    return from_torch(on_device(x).permute(std::vector<std::int64_t>(order.begin(), order.end())));
  }

  Tensor to_f32(const Tensor& x) const override { return from_torch(wide(x)); }

  std::vector<Tensor> segment(std::vector<Tensor> inputs, const Segment& body) const override {
    return recompute_ && c10::GradMode::is_enabled() ? recomputed_segment(inputs, body)
                                                     : body(std::move(inputs));
  }

 private:
  at::Tensor on_device(const Tensor& x) const {
    const at::Tensor value = to_torch(x).to(device_);
    return compute_ == at::kDouble && value.is_floating_point() ? value.to(at::kDouble) : value;
  }
  at::Tensor computing(const Tensor& x) const { return cast(x, compute_); }
  at::Tensor multiplying(const Tensor& x) const {
    return x.defined() ? computing(x).to(product_) : at::Tensor();
  }
  at::Tensor wide(const Tensor& x) const { return cast(x, wide_); }
  at::Tensor cast(const Tensor& x, at::ScalarType type) const {
    return x.defined() ? to_torch(x).to(device_, type) : at::Tensor();
  }
  Tensor result(const at::Tensor& value, Out out = Out::compute) const {
    return from_torch(value.to(device_, out == Out::f32 ? wide_ : compute_));
  }

  // A weight in the form that its uses need. One that is trained stays as it is: an optimizer changes it.
  Tensor resident(const Tensor& weight) const {
    return to_torch(weight).requires_grad() ? weight : from_torch(computing(weight));
  }

  // act(x weight^T + bias)
  at::Tensor product(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, Activation act,
                     at::ScalarType type) const {
    if (on_host_) return host::linear(x, weight, bias, act, product_, type);
    const auto operand = [&](const at::Tensor& value) {
      return value.defined() ? value.to(device_, compute_) : value;
    };
    return apply(act, at::linear(operand(x), operand(weight), operand(bias))).to(type);
  }

  at::Tensor normalize_rms(const at::Tensor& x, const Tensor& weight, float eps) const {
    const at::Tensor normed = x * at::rsqrt(x.square().mean(-1, true) + eps);
    return weight.defined() ? normed * wide(weight) : normed;
  }

  at::Tensor attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                    const AttentionOptions& options) const;

  at::ScalarType compute_;
  at::ScalarType wide_;  // f32, or f64 in an f64 engine
  // Of the operands of products and convolutions: the compute type, but f32 where a CPU has no bf16
  // instructions. oneDNN has no products of bf16 there, and LibTorch only slow ones.
  at::ScalarType product_;
  at::Device device_;
  bool on_host_;    // "cpu", where our own kernels have gradients, and f32 and bf16
  bool recompute_;  // segments, in the backward pass
};

// On the host the processor's ceiling; on a device what products of large matrices reach, because LibTorch
// says nothing about the hardware.
double TorchOps::ceiling_gflops() const {
  constexpr int products = 8;
  constexpr std::int64_t largest = 8192;
  constexpr double long_enough = 0.02;  // seconds: long enough to hide the cost of starting the work
  if (device().host) return Ops::ceiling_gflops();
  double best = 0, seconds = 0;
  for (std::int64_t size = 1024; size <= largest && seconds < long_enough; size *= 2) {
    const at::Tensor x = at::full({size, size}, 0.5, at::TensorOptions(device_).dtype(product_));
    at::matmul(x, x);  // the first one chooses its kernel
    finish();
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < products; ++i) at::matmul(x, x);
    finish();
    seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    best = std::max(best, 2.0 * products * std::pow(static_cast<double>(size), 3) / seconds * 1e-9);
  }
  return best;
}

// q [B, H, queries, d], k and v [B, H, T, d] -> [B, H, queries, d]
at::Tensor TorchOps::attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                            const AttentionOptions& options) const {
#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 1)
  // Keeps no scores for the backward pass, but would round a bias to the compute type.
  if (!options.bias.defined() && options.last_count == 1)
    return at::scaled_dot_product_attention(q, k, v, {}, 0.0, options.causal, options.scale);
#endif
  at::Tensor scores = at::matmul(options.scale * q.to(wide_), k.to(wide_).transpose(2, 3));
  if (options.bias.defined()) scores = scores + wide(options.bias);
  if (options.last_count > 1) {
    at::Tensor last = at::zeros({k.size(2)}, scores.options());
    last[-1] = std::log(static_cast<double>(options.last_count));
    scores = scores + last;
  }
  if (options.causal) {
    const at::Tensor all = at::ones({q.size(2), k.size(2)}, at::TensorOptions(at::kBool).device(device_));
    scores = scores.masked_fill(all.triu(1), -INFINITY);
  }
  return at::matmul(at::softmax(scores, -1), v.to(wide_));
}

std::vector<Tensor> TorchOps::attention(std::span<const AttentionStream> streams,
                                        const AttentionOptions& options) const {
  checks::attention(streams, options);
  std::vector<Tensor> results(streams.size());
  if (std::ranges::none_of(streams, &AttentionStream::wants_output)) return results;
  if (on_host_ && !options.bias.defined() && options.last_count == 1) {
    std::vector<host::AttentionInput> inputs;
    for (const AttentionStream& s : streams)
      inputs.push_back({computing(s.qkv), to_torch(s.norm_q), to_torch(s.norm_k), s.wants_output});
    const std::vector<at::Tensor> attended = host::attention(inputs, options);
    for (std::size_t i = 0; i < streams.size(); ++i) results[i] = from_torch(attended[i]);
    return results;
  }

  const std::int64_t B = streams[0].qkv.dim(0), width = streams[0].qkv.dim(2) / 3, H = options.heads;
  std::vector<at::Tensor> both, values;  // [B, T, 2, H, d] and [B, T, 1, H, d] per stream
  for (const AttentionStream& s : streams) {
    const auto parts = computing(s.qkv).view({B, s.qkv.dim(1), 3, H, width / H}).split_with_sizes({2, 1}, 2);
    both.push_back(parts[0]);
    if (s.norm_q.defined()) {
      const at::Tensor weights = at::stack({wide(s.norm_q), wide(s.norm_k)}).unsqueeze(1);  // [2, 1, d]
      both.back() = device::rms_norm(parts[0], weights, options.norm_eps);
    }
    values.push_back(parts[1]);
  }
  const auto queries_keys = at::cat(both, 1).transpose(1, 3).unbind(2);  // [B, H, T, d] each
  at::Tensor queries = queries_keys[0];
  if (!std::ranges::all_of(streams, &AttentionStream::wants_output)) {
    std::vector<at::Tensor> wanted;
    std::int64_t first = 0;
    for (const AttentionStream& s : streams) {
      if (s.wants_output) wanted.push_back(queries.narrow(2, first, s.qkv.dim(1)));
      first += s.qkv.dim(1);
    }
    queries = at::cat(wanted, 2);
  }
  const at::Tensor attended =
      attend(queries, queries_keys[1], at::cat(values, 1).select(2, 0).transpose(1, 2), options)
          .transpose(1, 2)
          .flatten(2);  // [B, queries, H d]
  std::int64_t first = 0;
  for (std::size_t i = 0; i < streams.size(); ++i) {
    if (!streams[i].wants_output) continue;
    const std::int64_t tokens = streams[i].qkv.dim(1);
    results[i] = result(attended.narrow(1, first, tokens));
    first += tokens;
  }
  return results;
}

at::Device device_from_name(const std::string& name) {
  try {
    const at::Device device(name);
    at::empty({0}, at::TensorOptions(device));
    return device;
  } catch (const c10::Error&) {
    throw ArgumentError("LibTorch has no device '" + name +
                        "' here; known: cpu, and cuda where there is one");
  }
}

}  // namespace

Tensor from_torch(const at::Tensor& value) {
  if (!value.defined()) return {};
  Shape shape(std::vector<std::int64_t>(value.sizes().begin(), value.sizes().end()));
  return {std::move(shape), dtype_of(value.scalar_type()),
          std::make_shared<TorchStorage>(value.contiguous())};
}

at::Tensor to_torch(const Tensor& x) {
  if (!x.defined()) return {};
  const auto* storage = dynamic_cast<const TorchStorage*>(x.storage().get());
  if (storage == nullptr) return wrap(has_scalar_type(x.dtype()) ? x : x.to(DType::f32));

  // `x` may be some rows of what the storage holds, in another shape.
  const at::Tensor& whole = storage->value();
  const at::IntArrayRef sizes = sizes_of(x.shape());
  if (whole.sizes() == sizes) return whole;
  const auto first = static_cast<std::int64_t>(x.byte_offset() / size_of(x.dtype()));
  return whole.view({whole.numel()}).narrow(0, first, x.numel()).view(sizes);
}

std::unique_ptr<Ops> make_torch_ops(DType compute_type, const std::string& device, bool recompute_segments) {
  if (compute_type != DType::f32 && compute_type != DType::bf16 && compute_type != DType::f64)
    throw ArgumentError("the torch engine computes in f32, bf16 or f64, not in " +
                        std::string(name_of(compute_type)));
  at::set_num_threads(thread_count());
  return std::make_unique<TorchOps>(scalar_type_of(compute_type), device_from_name(device),
                                    recompute_segments);
}

void register_torch_engine() {
  register_engine("torch", [](DType compute_type, const std::string& device) {
    return make_torch_ops(compute_type, device);
  });
}

}  // namespace sd35
