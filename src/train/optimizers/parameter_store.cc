#include "train/optimizers/parameter_store.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <array>
#include <optional>
#include <ranges>
#include <string_view>

#include "core/error.h"
#include "ops/torch/torch_ops.h"
#include "weights/load.h"

namespace sd35::train {
namespace {

bool decays(const ParameterSpec& spec) {
  return spec.shape.rank() > 1 && spec.kind != ParameterKind::embedding;
}

bool is_number(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// A GEMM weight of one of several layers of a kind.
bool is_hidden(const ParameterSpec& spec) {
  if (spec.kind != ParameterKind::linear || spec.shape.rank() != 2) return false;
  return std::ranges::any_of(std::views::split(spec.names.front(), '.'), [](const auto& part) {
    return is_number({part.begin(), part.end()});
  });
}

// The tensors that one weight holds.
FlatMatrices matrices_of(const StoredParameter& p) {
  const auto count = static_cast<std::int64_t>(p.spec.names.size());
  return {p.offset, count, p.spec.shape[0] / count, p.spec.shape[1]};
}

// Those that the optimizer treats alike are stored together, in this order; hidden matrices by their shape.
std::array<std::int64_t, 3> place_of(const StoredParameter& parameter) {
  if (!is_hidden(parameter.spec)) return {decays(parameter.spec) ? 1 : 2, 0, 0};
  const FlatMatrices matrices = matrices_of(parameter);
  return {0, matrices.rows, matrices.columns};
}

at::IntArrayRef sizes_of(const Shape& shape) { return {shape.dims().data(), shape.dims().size()}; }

// What is trained, in the order of the visit.
class Collector : public ParameterVisitor {
 public:
  Collector(const Objective& objective, const WeightSource* source)
      : objective_(objective), source_(source) {}
  void parameter(const ParameterSpec& spec, Tensor& /*tensor*/) override {
    const bool absent = spec.optional && source_ != nullptr && source_->find(spec.names.front()) == nullptr;
    if (!absent && objective_.trains(spec)) parameters.push_back({spec, 0});
  }
  std::vector<StoredParameter> parameters;

 private:
  const Objective& objective_;
  const WeightSource* source_;
};

// Puts leaves where the model keeps its weights.
class Binder : public ParameterVisitor {
 public:
  Binder(const Objective& objective, const WeightSource* source, const Ops& ops, std::uint64_t seed,
         at::Device device)
      : objective_(objective), source_(source), ops_(ops), seed_(seed), device_(device) {
    if (source != nullptr) loader_.emplace(*source, ops, Reuse::many);
  }

  std::map<std::string, at::Tensor> leaves;  // by first name

  void parameter(const ParameterSpec& spec, Tensor& tensor) override {
    const auto found = leaves.find(spec.names.front());
    Tensor value;
    if (loader_ && objective_.stored(spec)) {
      loader_->parameter(spec, value);
    } else {
      value = Tensor(spec.shape, DType::f32);
      objective_.initialize(spec, {value.data<float>(), static_cast<std::size_t>(value.numel())},
                            SampleRandom(seed_, 0xffffffffu, index_));
    }
    ++index_;
    if (found == leaves.end()) {
      tensor = device_.is_cpu() || !value.defined() ? value : from_torch(to_torch(value).to(device_));
      return;
    }
    const c10::NoGradGuard no_history;
    found->second.copy_(to_torch(value));
    tensor = from_torch(found->second);
  }
  void linear_done(Linear& linear) override {
    if (linear.weight.defined()) ops_.prepare(linear, Reuse::many);
  }
  void conv_done(Conv2d& conv) override { ops_.prepare(conv); }

 private:
  const Objective& objective_;
  const WeightSource* source_;
  const Ops& ops_;
  std::uint64_t seed_;
  at::Device device_;
  std::uint32_t index_ = 0;
  std::optional<Loader> loader_;
};

}  // namespace

ParameterStore::ParameterStore(Objective& objective, const WeightSource* source, const Ops& ops,
                               std::uint64_t seed, const std::string& device) {
  Collector collector(objective, source);
  objective.parameters(Parameters(collector));
  parameters_ = std::move(collector.parameters);
  if (parameters_.empty()) throw ArgumentError("nothing to train: no weight of the model is chosen");
  std::ranges::stable_sort(parameters_, {}, place_of);
  std::int64_t elements = 0;
  for (StoredParameter& parameter : parameters_) {
    parameter.offset = elements;
    elements += parameter.spec.shape.numel();
    if (is_hidden(parameter.spec)) hidden_ = elements;
    if (decays(parameter.spec)) decayed_ = elements;
  }
  const at::TensorOptions options = at::TensorOptions(at::kFloat).device(at::Device(device));
  values_ = at::zeros({elements}, options);
  gradients_ = at::zeros({elements}, options);

  Binder binder(objective, source, ops, seed, at::Device(device));
  for (const StoredParameter& p : parameters_) {
    const auto part = [&](const at::Tensor& flat) {
      return flat.narrow(0, p.offset, p.spec.shape.numel()).view(sizes_of(p.spec.shape));
    };
    at::Tensor leaf = part(values_).detach().requires_grad_();
    leaf.mutable_grad() = part(gradients_);
    binder.leaves.emplace(p.spec.names.front(), std::move(leaf));
  }
  objective.parameters(Parameters(binder));
}

std::vector<FlatMatrices> ParameterStore::hidden_matrices() const {
  std::vector<FlatMatrices> all;
  for (const StoredParameter& p : parameters_) {
    if (!is_hidden(p.spec)) break;
    const FlatMatrices matrices = matrices_of(p);
    if (!all.empty() && all.back().rows == matrices.rows && all.back().columns == matrices.columns)
      all.back().count += matrices.count;
    else
      all.push_back(matrices);
  }
  return all;
}

void ParameterStore::zero_gradients() { gradients_.zero_(); }

std::map<std::string, Tensor> ParameterStore::by_name(const at::Tensor& flat) const {
  const Tensor all = from_torch(flat.detach().to(at::kCPU));
  std::map<std::string, Tensor> result;
  for (const StoredParameter& p : parameters_) {
    const std::int64_t parts = static_cast<std::int64_t>(p.spec.names.size());
    const std::int64_t each = p.spec.shape.numel() / parts;
    std::vector<std::int64_t> dims(p.spec.shape.dims().begin(), p.spec.shape.dims().end());
    if (!dims.empty()) dims.front() /= parts;
    for (std::int64_t i = 0; i < parts; ++i) {
      const std::int64_t begin = p.offset + i * each;
      result.emplace(p.spec.names[static_cast<std::size_t>(i)],
                     all.rows(begin, begin + each).reshape(Shape(dims)));
    }
  }
  return result;
}

void ParameterStore::read(const WeightSource& source, at::Tensor flat) const {
  at::Tensor host = at::empty(flat.sizes(), at::TensorOptions(at::kFloat));
  for (const auto& [name, target] : by_name(host)) {
    const StoredTensor* stored = source.find(name);
    if (stored == nullptr)
      throw FileError(source.location() + ": \"" + name + "\" is missing", {}, source.location());
    if (stored->shape != target.shape())
      throw FileError(source.location() + ": \"" + name + "\" has shape " + stored->shape.to_string() +
                          " instead of " + target.shape().to_string(),
                      {}, source.location());
    const Tensor value = stored->read().to(DType::f32);
    std::ranges::copy(value.floats(), const_cast<float*>(target.data<float>()));
  }
  flat.copy_(host);
}

}  // namespace sd35::train
