// Loading one model of a stage, with progress.
#pragma once

#include "core/progress.h"
#include "ops/ops.h"
#include "weights/load.h"

namespace sd35 {

// Binds what it visits, and reports the fraction of `parameter_count` (ParameterCounter) that is done.
class ReportingLoader : public ParameterVisitor {
 public:
  ReportingLoader(const WeightSource& source, const Ops& ops, Reuse reuse, int parameter_count,
                  const StageProgress& progress, Quantization quantization,
                  std::shared_ptr<const PackedWeights> packed = nullptr)
      : loader_(source, ops, reuse, std::move(quantization)),
        parameter_count_(parameter_count),
        progress_(progress) {
    loader_.use(std::move(packed));
  }

  void expect(const std::function<void(Parameters)>& describe) { loader_.expect(describe); }
  void parameter(const ParameterSpec& spec, Tensor& tensor) override {
    loader_.parameter(spec, tensor);
    progress_.report(static_cast<double>(++parameters_done_) / parameter_count_);
  }
  void linear_done(Linear& linear) override { loader_.linear_done(linear); }
  void conv_done(Conv2d& conv) override { loader_.conv_done(conv); }
  int refused() const { return loader_.refused(); }

 private:
  Loader loader_;
  int parameter_count_;
  int parameters_done_ = 0;
  const StageProgress& progress_;
};

// Counts what a model describes.
class ParameterCounter : public ParameterVisitor {
 public:
  void parameter(const ParameterSpec& /*spec*/, Tensor& /*tensor*/) override { ++count_; }
  int count() const { return count_; }

 private:
  int count_ = 0;
};

// Loads all of `model`; its names lie below `prefix` ("" or "decoder"). Returns how many weights of `packed`
// the engine refused (Loader::refused).
template <class Model>
int load_model(Model& model, const WeightSource& source, std::string_view prefix, const Ops& ops,
               const StageProgress& progress, Quantization quantization = {},
               std::shared_ptr<const PackedWeights> packed = nullptr) {
  const auto place = [&](ParameterVisitor& visitor) {
    const Parameters root(visitor);
    return prefix.empty() ? root : root.scope(prefix);
  };
  ParameterCounter counter;
  model.parameters(place(counter));
  ReportingLoader loader(source, ops, Reuse::many, counter.count(), progress, std::move(quantization),
                         std::move(packed));
  loader.expect([&](const Parameters& p) { model.parameters(prefix.empty() ? p : p.scope(prefix)); });
  model.parameters(place(loader));
  return loader.refused();
}

}  // namespace sd35
