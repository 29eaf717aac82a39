#include "train/objectives/lora_objective.h"

#include <set>
#include <string>

#include "core/error.h"
#include "core/messages.h"
#include "lora/lora_file.h"

namespace sd35::train {
namespace {

constexpr std::string_view kDown = ".lora_A.weight", kUp = ".lora_B.weight", kWeight = ".weight";

bool is_target(std::string_view target, std::string_view layer) {
  if (target.empty() || !layer.ends_with(target)) return false;
  return layer.size() == target.size() || layer[layer.size() - target.size() - 1] == '.';
}

// Visits the model, and after each layer its updates.
class AdapterVisitor : public ParameterVisitor {
 public:
  AdapterVisitor(const LoraTask& lora, ParameterVisitor& inner)
      : unused(lora.targets.begin(), lora.targets.end()), lora_(lora), inner_(inner) {}

  std::set<std::string> unused;  // targets that no layer's name ends with

  void parameter(const ParameterSpec& spec, Tensor& tensor) override {
    inner_.parameter(spec, tensor);
    if (spec.shape.rank() == 2) layers_ = spec.names;
  }

  void linear_done(Linear& linear) override {
    inner_.linear_done(linear);
    if (layers_.empty()) return;  // the projection of patches
    const std::int64_t rows = linear.out_features / static_cast<std::int64_t>(layers_.size());
    linear.updates.clear();
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      const std::string layer = layers_[i].substr(0, layers_[i].size() - kWeight.size());
      bool wanted = false;
      for (const std::string& target : lora_.targets) {
        if (!is_target(target, layer)) continue;
        wanted = true;
        unused.erase(target);
      }
      if (!wanted) continue;
      LowRankUpdate update;
      update.scale = static_cast<float>(lora_.alpha / static_cast<double>(lora_.rank));
      update.first_row = static_cast<std::int64_t>(i) * rows;
      inner_.parameter({{std::string(layer).append(kDown)}, {lora_.rank, linear.in_features}}, update.down);
      inner_.parameter({{std::string(layer).append(kUp)}, {rows, lora_.rank}}, update.up);
      linear.updates.push_back(std::move(update));
    }
    layers_.clear();
  }
  void conv_done(Conv2d& conv) override { inner_.conv_done(conv); }

 private:
  const LoraTask& lora_;
  ParameterVisitor& inner_;
  std::vector<std::string> layers_;  // the weights of the layer being visited
};

}  // namespace

void LoraObjective::parameters(const Parameters& p) {
  AdapterVisitor visitor(lora_, p.visitor());
  TransformerObjective::parameters(Parameters(visitor));
  if (visitor.unused.empty()) return;
  std::string targets;
  for (const std::string& target : visitor.unused)
    targets += (targets.empty() ? "" : ", ") + in_quotes(target);
  throw ArgumentError("no layer of the transformer ends in " + targets +
                      ", a target of the LoRA; layers are called attn.to_q, attn2.to_q, ff.net.0.proj, "
                      "ff_context.net.2, ...");
}

bool LoraObjective::stored(const ParameterSpec& spec) const {
  const std::string& name = spec.names.front();
  return !name.ends_with(kDown) && !name.ends_with(kUp);
}

// A begins as noise of deviation 1 / r, B as zero, so that the model begins as it was.
void LoraObjective::initialize(const ParameterSpec& spec, std::span<float> values,
                               SampleRandom random) const {
  if (spec.names.front().ends_with(kUp)) {
    std::ranges::fill(values, 0.0f);
    return;
  }
  random.normal(values);
  for (float& value : values) value /= static_cast<float>(lora_.rank);
}

void LoraObjective::write(const std::filesystem::path& run,
                          const std::map<std::string, Tensor>& weights) const {
  write_lora(run / "lora.safetensors", Component::transformer, weights,
             {lora_.rank, lora_.alpha, lora_.targets});
}

}  // namespace sd35::train
