// One table of operation cases, which every engine must answer like the reference engine.
#pragma once

#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "ops/ops.h"

namespace sd35 {

struct OpCase {
  std::string name;  // letters, digits and underscores
  std::function<std::vector<Tensor>(const Ops&)> run;
  double terms = 1;         // summed into one result: rounding errors grow with their root
  double roundings = 1;     // to bf16 on the way from the inputs, which are exact in bf16, to the result
  double own_rounding = 0;  // relative, of the operation itself in whatever type an engine computes
};

// How GoogleTest prints a case.
inline void PrintTo(const OpCase& c, std::ostream* stream) { *stream << c.name; }

std::vector<OpCase> linear_cases();
// Linear layers with low-rank updates.
std::vector<OpCase> low_rank_cases();
std::vector<OpCase> conv2d_cases();
// Pictures so large that the native engine goes over them in several bands.
std::vector<OpCase> banded_cases();
std::vector<OpCase> attention_cases();
std::vector<OpCase> elementwise_cases();
// These move bits: every engine returns exactly the same.
std::vector<OpCase> data_movement_cases();

// Values in [-scale, scale] that bf16 holds exactly; the same for the same arguments.
Tensor random_tensor(const Shape& shape, unsigned seed, float scale = 1.0f);
// A layer with random weights of type `dtype` and a bias.
Linear random_linear(std::int64_t out, std::int64_t in, DType dtype = DType::f32);

}  // namespace sd35
