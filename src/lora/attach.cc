#include "lora/attach.h"

#include <map>
#include <set>
#include <string_view>
#include <utility>

namespace sd35 {
namespace {

class UpdateAttacher : public ParameterVisitor {
 public:
  UpdateAttacher(const Ops& ops, const std::vector<LoraUpdate>& updates) : ops_(ops) {
    for (const LoraUpdate& update : updates) {
      updates_[update.weight].push_back(&update);
      left_.insert(update.weight);
    }
  }

  void parameter(const ParameterSpec& spec, Tensor& /*tensor*/) override {
    const bool of_layer = spec.kind == ParameterKind::linear || spec.kind == ParameterKind::modulation;
    if (of_layer && spec.shape.rank() == 2) weights_ = spec.names;
  }

  // The projection of patches, whose weight has four dimensions, cannot have a LoRA.
  void linear_done(Linear& linear) override {
    const std::vector<std::string> weights = std::exchange(weights_, {});
    std::vector<LowRankUpdate> attached;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const auto found = updates_.find(weights[i]);
      if (found == updates_.end()) continue;
      const std::int64_t rows = linear.out_features / static_cast<std::int64_t>(weights.size());
      for (const LoraUpdate* update : found->second)
        attached.push_back({update->down, update->up, update->scale,
                            static_cast<std::int64_t>(i) * rows + update->first_row});
      left_.erase(weights[i]);
    }
    ops_.attach(linear, std::move(attached));
  }

  std::vector<std::string> left() const { return {left_.begin(), left_.end()}; }

 private:
  const Ops& ops_;
  std::map<std::string_view, std::vector<const LoraUpdate*>> updates_;  // by weight
  std::set<std::string> left_;                                          // weights that no layer has had yet
  std::vector<std::string> weights_;                                    // of the layer that is being visited
};

}  // namespace

std::vector<std::string> attach_lora(const Ops& ops, const std::vector<LoraUpdate>& updates,
                                     const std::function<void(const Parameters&)>& describe) {
  UpdateAttacher attacher(ops, updates);
  describe(Parameters(attacher));
  return attacher.left();
}

}  // namespace sd35
