// The weights of a model in training: leaves that lie in one flat tensor, so that the optimizer, the norm of
// the gradient, the exchange between processes and a checkpoint are each a few operations on it.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "train/objectives/objective.h"
#include "train/optimizers/muon.h"
#include "weights/parameters.h"
#include "weights/source.h"

namespace sd35::train {

// A weight in the flat tensor.
struct StoredParameter {
  ParameterSpec spec;
  std::int64_t offset = 0;
};

class ParameterStore {
 public:
  // Binds every weight of `objective`: those it trains become leaves of type f32 on `device`, the others keep
  // the type of their file. Values come from `source`; without one (null) they are initial values drawn from
  // `seed`. Throws FileError like the ordinary loader.
  ParameterStore(Objective& objective, const WeightSource* source, const Ops& ops, std::uint64_t seed,
                 const std::string& device);

  // All trained values and their gradients, [elements] f32. The first decayed_elements() of them are those
  // that weight decay applies to: matrices and filters, but not biases, norms or tables. They begin with the
  // hidden_elements() of hidden_matrices().
  const at::Tensor& values() const { return values_; }
  const at::Tensor& gradients() const { return gradients_; }
  std::int64_t hidden_elements() const { return hidden_; }
  std::int64_t decayed_elements() const { return decayed_; }
  // The GEMM weights of numbered layers, fused ones split: not those that embed, modulate or end a model.
  std::vector<FlatMatrices> hidden_matrices() const;
  const std::vector<StoredParameter>& parameters() const { return parameters_; }

  void zero_gradients();
  // The trained weights by name, as files have them (fused ones split), from a flat tensor such as values().
  // They share its memory if it is on the host and of type f32.
  std::map<std::string, Tensor> by_name(const at::Tensor& flat) const;
  // The inverse: fills `flat` from a source that holds every trained weight. Throws FileError when one is
  // missing or of another shape.
  void read(const WeightSource& source, at::Tensor flat) const;

 private:
  at::Tensor values_, gradients_;
  std::int64_t hidden_ = 0, decayed_ = 0;
  std::vector<StoredParameter> parameters_;
};

}  // namespace sd35::train
