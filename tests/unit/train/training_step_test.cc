// Steps of the tiny model against torch's autograd and AdamW; golden by tools/reference/training_goldens.py.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "ops/torch/torch_ops.h"
#include "tests/support/tiny_model.h"
#include "train/objectives/flow_matching.h"
#include "train/optimizers/adamw.h"
#include "train/optimizers/parameter_store.h"
#include "train/samples/batches.h"
#include "weights/files/safetensors.h"
#include "weights/model/model_files.h"

namespace sd35::train {
namespace {

// A transformer alone.
class BareTransformer : public Objective {
 public:
  explicit BareTransformer(const ModelFiles& files)
      : transformer(MmditConfig::from_json(files.config(Component::transformer), "config")) {}
  void parameters(const Parameters& p) override { transformer.parameters(p); }
  PreparedBatch prepare(MicroBatch& /*batch*/, const StepRandom& /*random*/) override { return batch; }
  at::Tensor loss(const Ops& ops, const PreparedBatch& prepared,
                  std::map<std::string, double>& /*figures*/) override {
    return flow_matching_loss(ops, transformer, std::any_cast<const FlowBatch&>(prepared),
                              {TimestepDensity::uniform});
  }
  void write(const std::filesystem::path& /*run*/,
             const std::map<std::string, Tensor>& /*weights*/) const override {}
  std::unique_ptr<Batches> batches() const override { return nullptr; }
  std::string name_of(std::int64_t /*sample*/) const override { return "sample"; }

  Transformer transformer;
  FlowBatch batch;
};

class Golden {
 public:
  Golden() : file_(read_safetensors(SD35_SOURCE_DIR "/tests/golden/training_step.safetensors")) {}
  Tensor operator[](const std::string& name) const { return file_.tensors.at(name).read(); }
  // Row `index` of the first dimension.
  Tensor row(const std::string& name, std::int64_t index) const {
    const Tensor all = (*this)[name];
    const Tensor row = all.rows(index, index + 1);
    return row.reshape(Shape(std::vector(all.shape().dims().begin() + 1, all.shape().dims().end())));
  }

 private:
  SafetensorsFile file_;
};

// The largest difference between the probed values of every weight and the golden's.
double probe_difference(const ParameterStore& store, const Golden& golden, const std::string& prefix) {
  double largest = 0;
  for (const auto& [name, value] : store.by_name(store.values())) {
    const Tensor probes = golden[prefix + name];
    const std::int64_t count = probes.numel();
    for (std::int64_t i = 0; i < count; ++i) {
      const double place =
          static_cast<double>(i) * static_cast<double>(value.numel() - 1) / static_cast<double>(count - 1);
      const auto index = static_cast<std::int64_t>(std::nearbyint(static_cast<float>(place)));
      largest = std::max(largest,
                         std::abs(static_cast<double>(value.data<float>()[index]) - probes.data<float>()[i]));
    }
  }
  return largest;
}

void compare_steps(bool recompute) {
  const ModelFiles files = ModelFiles::open(tiny_model().string());
  BareTransformer objective(files);
  const auto ops = make_torch_ops(DType::f32, "cpu", recompute);
  const auto weights = files.weights(Component::transformer);
  ParameterStore store(objective, weights.get(), *ops, 0, "cpu");
  AdamWOptions options;
  options.learning_rate = 1e-3;
  AdamW optimizer(options, store.values());
  const Golden golden;
  const Tensor losses = golden["losses"], norms = golden["norms"];
  objective.batch.prompt_embedding = golden["prompt"];
  objective.batch.pooled_projection = golden["pooled"];
  for (std::int64_t step = 0; step < losses.numel(); ++step) {
    objective.batch.clean = golden.row("clean", step);
    objective.batch.noise = golden.row("noise", step);
    const Tensor sigmas = golden.row("sigmas", step);
    objective.batch.sigmas.assign(sigmas.floats().begin(), sigmas.floats().end());
    store.zero_gradients();
    std::map<std::string, double> figures;
    MicroBatch batch;
    const at::Tensor loss = objective.loss(*ops, objective.prepare(batch, {0, step}), figures);
    loss.backward();
    const double norm = store.gradients().norm().item<double>();
    EXPECT_NEAR(loss.item<double>(), losses.data<float>()[step], 1e-4) << "step " << step;
    EXPECT_NEAR(norm, norms.data<float>()[step], 1e-3 * norms.data<float>()[step]) << "step " << step;
    if (norm > 1) at::Tensor(store.gradients()).mul_(1 / (norm + 1e-6));
    optimizer.step(store.values(), store.gradients(), 0, store.decayed_elements(), step + 1,
                   options.learning_rate);
    if (step == 0) {
      EXPECT_LT(probe_difference(store, golden, "first."), 1e-4);
    }
  }
  EXPECT_LT(probe_difference(store, golden, "last."), 1e-3);
}

TEST(TrainingStep, EqualsTheReference) { compare_steps(false); }

TEST(TrainingStep, EqualsTheReferenceWithRecomputedBlocks) { compare_steps(true); }

}  // namespace
}  // namespace sd35::train
