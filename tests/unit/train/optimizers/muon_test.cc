// Muon against torch.optim.Muon; golden by tools/reference/training_goldens.py.
#include "train/optimizers/muon.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "ops/torch/torch_ops.h"
#include "weights/files/safetensors.h"

namespace sd35::train {
namespace {

// Four matrices, the first and the last of one shape, which lie together, with values before, between and
// after them that are not theirs.
class MuonSteps : public testing::Test {
 protected:
  void SetUp() override {
    std::int64_t offset = 3;
    for (const int i : {0, 1, 2}) {
      const Tensor matrix = golden("before", i);
      const std::int64_t count = i == 0 ? 2 : 1;
      matrices_.push_back({offset, count, matrix.dim(0), matrix.dim(1)});
      offset += count * matrix.numel() + 5;
    }
    values_ = at::full({offset}, 7.0);
    momentum_ = at::zeros({offset});
    fill(values_, "before");
  }

  Tensor golden(const std::string& name, int index) const {
    return file_.tensors.at(name + "." + std::to_string(index)).read();
  }
  at::Tensor part(const at::Tensor& flat, int index) const {
    const FlatMatrices& m = matrices_[static_cast<std::size_t>(index % 3)];
    const std::int64_t each = m.rows * m.columns;
    return flat.narrow(0, m.offset + index / 3 * each, each).view({m.rows, m.columns});
  }
  void fill(const at::Tensor& flat, const std::string& name) const {
    for (int i = 0; i < 4; ++i) part(flat, i).copy_(to_torch(golden(name, i)));
  }

  SafetensorsFile file_ = read_safetensors(SD35_SOURCE_DIR "/tests/golden/muon.safetensors");
  std::vector<FlatMatrices> matrices_;
  at::Tensor values_, momentum_;
};

TEST_F(MuonSteps, EqualThoseOfTorch) {
  const double learning_rate = 0.02;
  const Muon muon({.momentum = 0.9, .weight_decay = 0.1}, matrices_);
  for (int step = 0; step < 3; ++step) {
    const at::Tensor gradients = at::full_like(values_, 1.0);
    fill(gradients, "gradient." + std::to_string(step));
    muon.step(values_, gradients, momentum_, learning_rate);
    for (int i = 0; i < 4; ++i) {
      const at::Tensor wanted = to_torch(golden("after." + std::to_string(step), i));
      // bf16 rounds; an update's values are about 0.2 learning rates.
      EXPECT_LT((part(values_, i) - wanted).abs().max().item<float>(), 0.02 * learning_rate)
          << "step " << step << ", matrix " << i;
    }
  }
}

TEST_F(MuonSteps, LeaveTheRestAlone) {
  const Muon muon({}, matrices_);
  muon.step(values_, at::full_like(values_, 1.0), momentum_, 0.1);
  for (int i = 0; i < 4; ++i) {
    part(values_, i).fill_(7);
    part(momentum_, i).zero_();
  }
  EXPECT_TRUE(values_.eq(7).all().item<bool>());
  EXPECT_TRUE(momentum_.eq(0).all().item<bool>());
}

TEST(Orthogonalized, HasSingularValuesNearOne) {
  at::Tensor x = at::arange(2 * 12 * 20, at::kFloat).view({2, 12, 20}).sin();
  x = x + at::eye(12, 20);
  for (const at::Tensor& matrices : {x, x.transpose(1, 2)}) {
    const at::Tensor result = orthogonalized(matrices).to(at::kFloat);
    ASSERT_EQ(result.sizes(), matrices.sizes());
    const at::Tensor singular = std::get<1>(at::linalg_svd(result, false));
    EXPECT_GT(singular.min().item<float>(), 0.5);
    EXPECT_LT(singular.max().item<float>(), 1.3);
  }
}

}  // namespace
}  // namespace sd35::train
