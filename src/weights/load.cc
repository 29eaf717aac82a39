#include "weights/load.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

#include "core/error.h"
#include "core/messages.h"
#include "weights/layouts/stored_quantized.h"

namespace sd35 {
namespace {

// The name of a parameter in messages: for a fused one, that of its first part.
std::string shown(const ParameterSpec& spec) { return "tensor " + in_quotes(spec.names.front()); }

// What the source holds for a parameter: one tensor per name, null for names it lacks.
std::vector<const StoredTensor*> find_parts(const WeightSource& source, const ParameterSpec& spec) {
  std::vector<const StoredTensor*> parts;
  for (const std::string& name : spec.names) parts.push_back(source.find(name));
  return parts;
}

bool is_absent(const ParameterSpec& spec, const std::vector<const StoredTensor*>& parts) {
  return spec.optional && std::ranges::all_of(parts, [](const auto* part) { return part == nullptr; });
}

// The shape of `parts` stacked along the first dimension; a scalar stacks with nothing.
Shape stacked_shape(const std::vector<const StoredTensor*>& parts) {
  std::vector<std::int64_t> dims(parts[0]->shape.dims().begin(), parts[0]->shape.dims().end());
  for (std::size_t i = 1; i < parts.size(); ++i) dims.front() += parts[i]->shape[0];
  return Shape(std::move(dims));
}

bool stackable(const std::vector<const StoredTensor*>& parts) {
  const auto tail = [](const StoredTensor* part) {
    return std::vector(part->shape.dims().begin() + 1, part->shape.dims().end());
  };
  return std::ranges::all_of(parts, [&](const StoredTensor* part) {
    return part->shape.rank() > 0 && tail(part) == tail(parts[0]);
  });
}

// What keeps the source's tensors from being `spec`; empty when nothing does.
std::string misfit(const ParameterSpec& spec, const std::vector<const StoredTensor*>& parts) {
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i] == nullptr) return in_quotes(spec.names[i]) + " is missing";
    if (!is_float(parts[i]->dtype))
      return in_quotes(spec.names[i]) + " is of type " + std::string(name_of(parts[i]->dtype)) +
             ", which is not a float type";
  }
  if (parts.size() == 1) {
    if (parts[0]->shape == spec.shape) return "";
    return in_quotes(spec.names[0]) + " has shape " + parts[0]->shape.to_string() + " instead of " +
           spec.shape.to_string();
  }
  if (stackable(parts) && stacked_shape(parts) == spec.shape) return "";
  std::string shapes;
  for (const StoredTensor* part : parts) shapes += (shapes.empty() ? "" : ", ") + part->shape.to_string();
  return in_quotes(spec.names.front()) + " and the tensors stacked below it have shapes " + shapes +
         " instead of " + spec.shape.to_string() + " in all";
}

// One after another in the file, of one type and without a scale: they are stacked already.
bool contiguous(const std::vector<const StoredTensor*>& parts) {
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const StoredTensor& part = *parts[i];
    if (part.segments.size() != 1 || part.encoded() || part.dtype != parts[0]->dtype) return false;
    if (i > 0 &&
        part.segments[0].data() != parts[i - 1]->segments[0].data() + parts[i - 1]->segments[0].size())
      return false;
  }
  return true;
}

Tensor read_stacked(const ParameterSpec& spec, const std::vector<const StoredTensor*>& parts) {
  if (contiguous(parts)) {
    StoredTensor whole = *parts[0];
    whole.shape = spec.shape;
    const std::byte* end = parts.back()->segments[0].data() + parts.back()->segments[0].size();
    whole.segments = {{parts[0]->segments[0].data(), end}};
    return whole.read();
  }
  std::vector<Tensor> tensors;
  tensors.reserve(parts.size());
  for (const StoredTensor* part : parts) tensors.push_back(part->read());
  const DType first = tensors[0].dtype();
  const bool same = std::ranges::all_of(tensors, [&](const Tensor& t) { return t.dtype() == first; });
  Tensor stack(spec.shape, same ? first : DType::f32);
  auto* target = static_cast<std::byte*>(stack.raw());
  for (Tensor& tensor : tensors) {
    convert(tensor.raw(), tensor.dtype(), target, stack.dtype(), static_cast<std::size_t>(tensor.numel()));
    target += static_cast<std::size_t>(tensor.numel()) * size_of(stack.dtype());
    tensor = {};
  }
  return stack;
}

// Only a few rows of a table are read.
bool is_table(const ParameterSpec& spec) {
  return spec.kind == ParameterKind::embedding || spec.kind == ParameterKind::position_table;
}

// The weight of a linear layer, except one over patches.
bool is_matrix(const ParameterSpec& spec) {
  return spec.shape.rank() == 2 && !spec.optional &&
         (spec.kind == ParameterKind::linear || spec.kind == ParameterKind::modulation);
}

// Lists the stored tensors that a model describes, except tables and what is packed.
class ReadingList : public ParameterVisitor {
 public:
  ReadingList(const WeightSource& source, const PackedWeights* packed) : source_(source), packed_(packed) {}
  void parameter(const ParameterSpec& spec, Tensor& /*tensor*/) override {
    if (is_table(spec) || (packed_ != nullptr && packed_->contains(spec.names.front()))) return;
    for (const StoredTensor* part : find_parts(source_, spec))
      if (part != nullptr) tensors_.push_back(part);
  }
  std::vector<const StoredTensor*> take() { return std::move(tensors_); }

 private:
  const WeightSource& source_;
  const PackedWeights* packed_;
  std::vector<const StoredTensor*> tensors_;
};

// Records what a model describes and how it fits.
class FitChecker : public ParameterVisitor {
 public:
  explicit FitChecker(const WeightSource& source) : source_(source) {}

  void parameter(const ParameterSpec& spec, Tensor& /*tensor*/) override {
    used_.insert(spec.names.begin(), spec.names.end());
    const std::vector<const StoredTensor*> parts = find_parts(source_, spec);
    if (is_absent(spec, parts)) return;
    const std::string problem = misfit(spec, parts);
    if (!problem.empty()) problems_.add(problem);
  }

  // What is wrong, including the tensors that nobody asked for.
  ProblemList finish() {
    for (const std::string& name : source_.names())
      if (!used_.contains(name)) problems_.add(in_quotes(name) + " is not used by the model");
    return problems_;
  }

 private:
  const WeightSource& source_;
  std::set<std::string, std::less<>> used_;
  ProblemList problems_;
};

}  // namespace

void Loader::expect(const std::function<void(Parameters)>& describe) {
  ReadingList list(source_, packed_.get());
  describe(Parameters(list));
  expected_ = list.take();
}

void Loader::read_ahead(const std::vector<const StoredTensor*>& parts) {
  constexpr std::size_t window = std::size_t{512} << 20;  // more than a layer of T5-XXL
  if (expected_.empty())
    for (const StoredTensor* part : parts) part->prefetch();
  for (const StoredTensor* part : parts) visited_bytes_ += part->bytes();
  while (requested_ < expected_.size() && requested_bytes_ < visited_bytes_ + window) {
    expected_[requested_]->prefetch();
    requested_bytes_ += expected_[requested_++]->bytes();
  }
}

void Loader::parameter(const ParameterSpec& spec, Tensor& tensor) {
  const std::vector<const StoredTensor*> parts = find_parts(source_, spec);
  if (is_absent(spec, parts)) {
    tensor = {};
    return;
  }
  const std::string problem = misfit(spec, parts);
  if (!problem.empty()) throw FileError(source_.location() + ": tensor " + problem, {}, source_.location());
  if (restore(spec)) {
    tensor = {};
    return;
  }
  if (!is_table(spec)) read_ahead(parts);
  if (is_matrix(spec)) {
    weight_ = spec;
    quantized_ = stored(spec, parts);
    tensor = {};
    if (quantized_ != nullptr) return;
  }
  const DType unpacked = is_table(spec) ? ops_.compute_type() : DType::f32;  // tables are not converted later
  tensor =
      source_.adjusted(spec.names, parts.size() == 1 ? parts[0]->read(unpacked) : read_stacked(spec, parts));

  if (spec.shape.rank() != 1) return;
  tensor = tensor.to(DType::f32);
  const std::span<const float> values = tensor.floats();
  const auto bad = std::ranges::find_if_not(values, [](float value) { return std::isfinite(value); });
  if (bad != values.end())
    throw FileError(source_.location() + ": " + shown(spec) + " holds NaN or infinity at element " +
                        std::to_string(bad - values.begin()) + "; the file is damaged",
                    {}, source_.location());
}

bool Loader::restore(const ParameterSpec& spec) {
  if (packed_ == nullptr || !packed_->contains(spec.names.front())) return false;
  Linear layer;
  layer.out_features = spec.shape[0];
  layer.in_features = spec.shape.numel() / std::max<std::int64_t>(1, spec.shape[0]);
  if (!ops_.restore(layer, packed_->find(spec.names.front()))) {
    ++refused_;
    return false;
  }
  restored_ = std::move(layer.prepared);
  return true;
}

std::shared_ptr<const QuantizedMatrix> Loader::stored(const ParameterSpec& spec,
                                                      const std::vector<const StoredTensor*>& parts) const {
  const WeightFormat format = quantization_.format;
  if (format == WeightFormat::dense || format == WeightFormat::int8 || source_.adjusts(spec.names))
    return nullptr;
  auto matrix = stored_matrix(parts, spec.shape[1]);
  const bool wanted = format == WeightFormat::as_stored || (matrix != nullptr && matrix->name() == "nf4");
  return wanted ? matrix : nullptr;
}

bool Loader::quantizes(const ParameterSpec& spec) const {
  return quantization_.applies == nullptr ||
         quantization_.applies(spec.names.front(), spec.kind, quantization_.format);
}

void Loader::linear_done(Linear& linear) {
  if (restored_ != nullptr) {
    linear.prepared = std::move(restored_);
    return;
  }
  linear.quantized = std::move(quantized_);
  if (linear.weight.defined() && !weight_.names.empty() && quantizes(weight_)) {
    try {
      linear.quantized = quantize(linear.weight, quantization_.format);
    } catch (const ArgumentError& error) {
      throw FileError(source_.location() + ": " + shown(weight_) + " holds " + error.what(), {},
                      source_.location());
    }
    if (linear.quantized != nullptr) linear.weight = {};
  }
  weight_ = {};
  if (linear.loaded()) ops_.prepare(linear, reuse_);
}

void Loader::conv_done(Conv2d& conv) { ops_.prepare(conv); }

void check_all_bound(const WeightSource& source, const std::function<void(Parameters)>& describe) {
  FitChecker checker(source);
  describe(Parameters(checker));
  const ProblemList problems = checker.finish();
  if (problems.count() == 0) return;
  throw FileError(source.location() + ": " + std::to_string(problems.count()) +
                      (problems.count() == 1 ? " tensor does" : " tensors do") +
                      " not fit the model: " + problems.text(),
                  {}, source.location());
}

}  // namespace sd35
