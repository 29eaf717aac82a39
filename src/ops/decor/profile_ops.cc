#include "ops/decor/profile_ops.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

namespace sd35 {
namespace {

std::string label(std::string_view verb, const Tensor& x, std::int64_t out = 0) {
  std::string text = std::string(verb) + " " + x.shape().to_string();
  if (out > 0) text += " -> " + std::to_string(out);
  return text;
}

}  // namespace

template <class Body>
auto ProfileOps::timed(const std::string& what, double flops, Body body) const {
  const auto start = std::chrono::steady_clock::now();
  auto result = body();
  Entry& entry = entries_[what];
  entry.calls += 1;
  entry.flops += flops;
  entry.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

Tensor ProfileOps::linear(const Tensor& x, const Linear& w, Activation act, Out out) const {
  const double flops = 2.0 * static_cast<double>(x.numel()) * static_cast<double>(w.out_features);
  return timed(label("linear", x, w.out_features), flops, [&] { return inner().linear(x, w, act, out); });
}

Tensor ProfileOps::conv2d(const Tensor& x, const Conv2d& w, Out out) const {
  const double flops = 2.0 * static_cast<double>(x.numel()) * static_cast<double>(w.out_channels) * w.kernel *
                       w.kernel / (w.stride * w.stride);
  return timed(label("conv2d", x, w.out_channels), flops, [&] { return inner().conv2d(x, w, out); });
}

Tensor ProfileOps::layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, float eps) const {
  return timed(label("layer_norm", x), 0, [&] { return inner().layer_norm(x, weight, bias, eps); });
}

Tensor ProfileOps::rms_norm(const Tensor& x, const Tensor& weight, float eps) const {
  return timed(label("rms_norm", x), 0, [&] { return inner().rms_norm(x, weight, eps); });
}

Tensor ProfileOps::group_norm(const Tensor& x, int groups, const Tensor& weight, const Tensor& bias,
                              float eps, Activation act) const {
  return timed(label("group_norm", x), 0,
               [&] { return inner().group_norm(x, groups, weight, bias, eps, act); });
}

Tensor ProfileOps::norm_modulate(const Tensor& x, const Tensor& shift, const Tensor& scale, float eps) const {
  return timed(label("norm_modulate", x), 0, [&] { return inner().norm_modulate(x, shift, scale, eps); });
}

Tensor ProfileOps::add(Tensor x, const Tensor& y) const {
  return timed(label("add", x), 0, [&] { return inner().add(std::move(x), y); });
}

Tensor ProfileOps::gated_add(Tensor x, const Tensor& gate, const Tensor& y) const {
  return timed(label("gated_add", x), 0, [&] { return inner().gated_add(std::move(x), gate, y); });
}

Tensor ProfileOps::activate(const Tensor& x, Activation act) const {
  return timed(label("activate", x), 0, [&] { return inner().activate(x, act); });
}

Tensor ProfileOps::gated_activate(const Tensor& gate, const Tensor& x, Activation act) const {
  return timed(label("gated_activate", x), 0, [&] { return inner().gated_activate(gate, x, act); });
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
  return timed(label("attention", streams[0].qkv, static_cast<std::int64_t>(keys)), flops,
               [&] { return inner().attention(streams, options); });
}

Tensor ProfileOps::embedding(const Tensor& table, const Tensor& ids) const {
  return timed(label("embedding", table), 0, [&] { return inner().embedding(table, ids); });
}

Tensor ProfileOps::upsample_nearest2x(const Tensor& x) const {
  return timed(label("upsample_nearest2x", x), 0, [&] { return inner().upsample_nearest2x(x); });
}

Tensor ProfileOps::concat(std::span<const Tensor> parts, int dim) const {
  return timed(label("concat", parts[0]), 0, [&] { return inner().concat(parts, dim); });
}

Tensor ProfileOps::slice(const Tensor& x, int dim, std::int64_t begin, std::int64_t end) const {
  return timed(label("slice", x, end - begin), 0, [&] { return inner().slice(x, dim, begin, end); });
}

Tensor ProfileOps::permute(const Tensor& x, std::span<const int> order) const {
  return timed(label("permute", x), 0, [&] { return inner().permute(x, order); });
}

std::string ProfileOps::report() const {
  std::vector<std::pair<std::string, Entry>> sorted(entries_.begin(), entries_.end());
  std::ranges::sort(sorted, [](const auto& a, const auto& b) { return a.second.seconds > b.second.seconds; });
  double total = 0;
  for (const auto& [what, entry] : sorted) total += entry.seconds;
  std::string text;
  for (const auto& [what, entry] : sorted) {
    char line[160];
    std::snprintf(line, sizeof(line), "%5.1f%% %9.3f s %6d calls %8.0f GFLOP/s  %s\n",
                  100 * entry.seconds / total, entry.seconds, entry.calls, entry.flops / entry.seconds / 1e9,
                  what.c_str());
    text += line;
  }
  return text;
}

}  // namespace sd35
