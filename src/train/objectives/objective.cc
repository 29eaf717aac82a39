#include "train/objectives/objective.h"

#include <algorithm>
#include <cmath>

#include "train/optimizers/initialization.h"

namespace sd35::train {

bool Objective::trains(const ParameterSpec& spec) const { return spec.kind != ParameterKind::position_table; }

bool Objective::stored(const ParameterSpec& /*spec*/) const { return true; }

void Objective::initialize(const ParameterSpec& spec, std::span<float> values, SampleRandom random) const {
  initial_values(spec, values, random);
}

double Objective::validation_loss(const Ops& /*ops*/) { return std::nan(""); }

std::map<std::string, double> Objective::validation_figures(const Ops& /*ops*/) { return {}; }

std::vector<Image> Objective::samples(const Ops& /*ops*/, const Callbacks& /*callbacks*/) { return {}; }

}  // namespace sd35::train
