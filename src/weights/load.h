// Binding a model to a source of weights.
#pragma once

#include <functional>

#include "weights/parameters.h"
#include "weights/source.h"

namespace sd35 {

// Binds every tensor it visits from `source` and hands layers to `ops` (Ops::prepare). GEMM weights and
// convolutions keep the stored type until the engine converts them, embedding and position tables stay as
// stored (mapped), biases and norms become f32. Throws FileError naming the tensor and the file when one is
// missing, has another shape, or holds a type that is no float type, and when a bias or norm holds NaN or
// infinity (GEMM weights and tables are not searched: that would read them twice).
class Loader : public ParameterVisitor {
 public:
  Loader(const WeightSource& source, const Ops& ops, Reuse reuse)
      : source_(source), ops_(ops), reuse_(reuse) {}
  void parameter(const ParameterSpec& spec, Tensor& tensor) override;
  void linear_done(Linear& linear) override;
  void conv_done(Conv2d& conv) override;

 private:
  const WeightSource& source_;
  const Ops& ops_;
  Reuse reuse_;
};

// Compares what a model describes with what the source holds, before anything is read. Throws FileError that
// names every tensor (the first few) that is missing, unused or of another shape, and the file.
void check_all_bound(const WeightSource& source, const std::function<void(Parameters)>& describe);

}  // namespace sd35
