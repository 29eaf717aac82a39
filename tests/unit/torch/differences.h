// Gradients by central differences in f64, which the results of backward must equal.
#pragma once

#include <ATen/ATen.h>

#include <functional>
#include <vector>

#include "core/tensor.h"

namespace sd35 {

// A tensor to differentiate by: f64, values in [-scale, scale], the same for the same arguments.
at::Tensor leaf(const Shape& shape, unsigned seed, double scale = 1.0);

// A number that depends on every element of `results`, each with a weight of its own.
at::Tensor random_sum(const std::vector<Tensor>& results);

// The largest difference between backward of `loss` and central differences over all elements of `leaves`,
// over the largest gradient. Leaves that backward does not reach count as zero.
double gradient_error(const std::vector<at::Tensor>& leaves, const std::function<at::Tensor()>& loss);

// The same along one random direction of all leaves together, over the derivative.
double directional_error(const std::vector<at::Tensor>& leaves, const std::function<at::Tensor()>& loss);

}  // namespace sd35
