// The tensors of a component as a layout names and joins them.
#pragma once

#include <vector>

#include "convert/file_tensor.h"
#include "convert/plan.h"
#include "weights/layouts/component.h"

namespace sd35 {

// Under the names of the diffusers layout.
std::vector<FileTensor> diffusers_tensors(const std::vector<PlannedTensor>& plan);

// In the original layout: projections fused, halves swapped, and original_prefix where `prefixed`.
std::vector<FileTensor> original_tensors(Component component, const std::vector<PlannedTensor>& plan,
                                         bool prefixed);

}  // namespace sd35
