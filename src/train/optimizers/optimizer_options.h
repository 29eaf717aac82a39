// What a configuration says of the optimizers; kept apart from them, so that it can be read without LibTorch.
#pragma once

namespace sd35::train {

struct AdamWOptions {
  double learning_rate = 1e-4;
  double beta1 = 0.9, beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 1e-2;
};

struct MuonOptions {
  double momentum = 0.95;
  double weight_decay = 1e-2;
};

}  // namespace sd35::train
