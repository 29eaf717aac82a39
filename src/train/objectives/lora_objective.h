// LoRA: the transformer stays as it is, and low-rank updates of some of its layers learn.
// Reference: Hu et al. 2021 (arXiv 2106.09685); diffusers train_dreambooth_lora_sd3.py.
#pragma once

#include "train/objectives/transformer_objective.h"

namespace sd35::train {

class LoraObjective : public TransformerObjective {
 public:
  LoraObjective(const TrainConfig& config, const ModelFiles& files, const std::filesystem::path& cache,
                const OnMessage& warn)
      : TransformerObjective(config, files, cache, warn), lora_(config.lora) {}

  // The weights of the transformer, and for each layer that a target names "<layer>.lora_A.weight" [r, in]
  // and "<layer>.lora_B.weight" [out, r]. Throws ArgumentError when the targets name no layer.
  void parameters(const Parameters& p) override;
  bool trains(const ParameterSpec& spec) const override { return !stored(spec); }
  bool stored(const ParameterSpec& spec) const override;
  void initialize(const ParameterSpec& spec, std::span<float> values, SampleRandom random) const override;
  void write(const std::filesystem::path& run, const std::map<std::string, Tensor>& weights) const override;

 private:
  const LoraTask& lora_;
};

}  // namespace sd35::train
