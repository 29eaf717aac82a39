#include "weights/parameters.h"

namespace sd35 {

Parameters Parameters::scope(std::string_view name) const { return Parameters(*visitor_, full(name) + "."); }

void Parameters::tensor(std::string_view name, Tensor& tensor, Shape shape, ParameterKind kind,
                        bool optional) const {
  visitor_->parameter({{full(name)}, std::move(shape), kind, optional}, tensor);
}

void Parameters::linear(std::string_view name, Linear& linear, std::int64_t out, std::int64_t in, bool bias,
                        ParameterKind kind) const {
  linear.out_features = out;
  linear.in_features = in;
  const ParameterKind bias_kind = kind == ParameterKind::modulation ? kind : ParameterKind::bias;
  visitor_->parameter({{full(name) + ".weight"}, {out, in}, kind}, linear.weight);
  if (bias) visitor_->parameter({{full(name) + ".bias"}, {out}, bias_kind}, linear.bias);
  visitor_->linear_done(linear);
}

void Parameters::optional_linear(std::string_view name, Linear& linear, std::int64_t out,
                                 std::int64_t in) const {
  linear.out_features = out;
  linear.in_features = in;
  visitor_->parameter({{full(name) + ".weight"}, {out, in}, ParameterKind::linear, true}, linear.weight);
  if (linear.loaded()) visitor_->linear_done(linear);
}

void Parameters::fused_linear(std::initializer_list<std::string_view> names, Linear& linear,
                              std::int64_t out_each, std::int64_t in, bool bias) const {
  std::vector<std::string> weights, biases;
  for (const std::string_view name : names) {
    weights.push_back(full(name) + ".weight");
    biases.push_back(full(name) + ".bias");
  }
  linear.out_features = out_each * static_cast<std::int64_t>(names.size());
  linear.in_features = in;
  visitor_->parameter({weights, {linear.out_features, in}, ParameterKind::linear}, linear.weight);
  if (bias) visitor_->parameter({biases, {linear.out_features}, ParameterKind::bias}, linear.bias);
  visitor_->linear_done(linear);
}

void Parameters::patch_linear(std::string_view name, Linear& linear, std::int64_t out, std::int64_t in,
                              int patch) const {
  linear.out_features = out;
  linear.in_features = in * patch * patch;
  visitor_->parameter({{full(name) + ".weight"}, {out, in, patch, patch}, ParameterKind::linear},
                      linear.weight);
  if (linear.weight.defined()) linear.weight = linear.weight.reshape({out, linear.in_features});
  visitor_->parameter({{full(name) + ".bias"}, {out}, ParameterKind::bias}, linear.bias);
  visitor_->linear_done(linear);
}

void Parameters::conv2d(std::string_view name, Conv2d& conv, bool bias) const {
  visitor_->parameter({{full(name) + ".weight"},
                       {conv.out_channels, conv.in_channels, conv.kernel, conv.kernel},
                       ParameterKind::conv},
                      conv.weight);
  if (bias)
    visitor_->parameter({{full(name) + ".bias"}, {conv.out_channels}, ParameterKind::bias}, conv.bias);
  visitor_->conv_done(conv);
}

void Parameters::group_norm(std::string_view name, GroupNorm& norm, std::int64_t channels) const {
  const Parameters own = scope(name);
  own.tensor("weight", norm.weight, {channels}, ParameterKind::norm_scale);
  own.tensor("bias", norm.bias, {channels}, ParameterKind::norm_shift);
}

}  // namespace sd35
