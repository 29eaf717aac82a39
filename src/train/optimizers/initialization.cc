#include "train/optimizers/initialization.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace sd35::train {
namespace {

void fill_uniform(std::span<float> values, float bound, SampleRandom& random) {
  for (float& value : values) value = (2 * random.uniform() - 1) * bound;
}

void fill_normal(std::span<float> values, float deviation, SampleRandom& random) {
  for (float& value : values) value = deviation * random.normal();
}

}  // namespace

void initial_values(const ParameterSpec& spec, std::span<float> values, SampleRandom random) {
  const std::string& name = spec.names.front();
  const auto out = static_cast<double>(spec.shape.rank() > 0 ? spec.shape[0] : 1);
  const double in = static_cast<double>(spec.shape.numel()) / std::max(1.0, out);
  switch (spec.kind) {
    case ParameterKind::norm_scale:
      std::ranges::fill(values, 1.0f);
      return;
    case ParameterKind::bias:
    case ParameterKind::norm_shift:
    case ParameterKind::modulation:
      std::ranges::fill(values, 0.0f);
      return;
    case ParameterKind::embedding:
      return fill_normal(values, 0.02f, random);
    case ParameterKind::conv:
      return fill_uniform(values, static_cast<float>(1 / std::sqrt(in)), random);
    case ParameterKind::position_table:
      throw Error(name + " is a fixed table");
    case ParameterKind::linear:
      break;
  }
  if (name == "proj_out.weight") {
    std::ranges::fill(values, 0.0f);
    return;
  }
  if (name.starts_with("time_text_embed.")) return fill_normal(values, 0.02f, random);
  // A fused projection is as many layers side by side.
  const double out_each = out / static_cast<double>(spec.names.size());
  fill_uniform(values, static_cast<float>(std::sqrt(6 / (in + out_each))), random);
}

}  // namespace sd35::train
