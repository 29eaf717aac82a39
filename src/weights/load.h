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
  // Announces what will be visited, in that order: the system then reads it some way ahead of its turn, while
  // the tensors before it are computed with.
  void expect(const std::function<void(Parameters)>& describe);
  void parameter(const ParameterSpec& spec, Tensor& tensor) override;
  void linear_done(Linear& linear) override;
  void conv_done(Conv2d& conv) override;

 private:
  void read_ahead(const std::vector<const StoredTensor*>& parts);

  const WeightSource& source_;
  const Ops& ops_;
  Reuse reuse_;
  std::vector<const StoredTensor*> expected_;
  std::size_t requested_ = 0;  // of expected_
  std::size_t requested_bytes_ = 0;
  std::size_t visited_bytes_ = 0;
};

// Compares what a model describes with what the source holds, before anything is read. Throws FileError that
// names every tensor (the first few) that is missing, unused or of another shape, and the file.
void check_all_bound(const WeightSource& source, const std::function<void(Parameters)>& describe);

}  // namespace sd35
