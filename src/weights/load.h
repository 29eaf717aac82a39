// Binding a model to a source of weights.
#pragma once

#include <functional>

#include "weights/files/packed_weights.h"
#include "weights/parameters.h"
#include "weights/source.h"

namespace sd35 {

// Which weights of linear layers are quantized in memory, and how.
struct Quantization {
  WeightFormat format = WeightFormat::dense;
  // Whether a weight is quantized when the format is not the file's own; if unset, all are.
  std::function<bool(std::string_view name, ParameterKind kind, WeightFormat format)> applies = nullptr;
};

// Binds every tensor it visits from `source` and hands layers to `ops` (Ops::prepare). GEMM weights and
// convolutions keep the stored type until the engine converts them, embedding and position tables stay as
// stored (mapped), biases and norms become f32. Weights are quantized one at a time. Throws
// FileError naming the tensor and the file when one is missing, has another shape, or holds a type that is
// not a float type, and when a bias or norm holds NaN or infinity (GEMM weights and tables are not searched:
// that would read them twice).
class Loader : public ParameterVisitor {
 public:
  Loader(const WeightSource& source, const Ops& ops, Reuse reuse, Quantization quantization = {})
      : source_(source), ops_(ops), reuse_(reuse), quantization_(std::move(quantization)) {}
  // Announces what will be visited, in that order: the system then reads it ahead of its turn, while the
  // tensors before it are being processed.
  void expect(const std::function<void(Parameters)>& describe);
  // Weights of linear layers that `packed` holds in the engine's form come from there. Before expect().
  void use(std::shared_ptr<const PackedWeights> packed) { packed_ = std::move(packed); }
  // How many of them the engine refused so far; these came from the source.
  int refused() const { return refused_; }
  void parameter(const ParameterSpec& spec, Tensor& tensor) override;
  void linear_done(Linear& linear) override;
  void conv_done(Conv2d& conv) override;

 private:
  // From packed_, into restored_.
  bool restore(const ParameterSpec& spec);
  void read_ahead(const std::vector<const StoredTensor*>& parts);
  // What the file holds in 4 or 8 bits, if it stays so; else null.
  std::shared_ptr<const QuantizedMatrix> stored(const ParameterSpec& spec,
                                                const std::vector<const StoredTensor*>& parts) const;
  bool quantizes(const ParameterSpec& spec) const;

  const WeightSource& source_;
  const Ops& ops_;
  Reuse reuse_;
  Quantization quantization_;
  ParameterSpec weight_;                              // of the linear layer that is being visited
  std::shared_ptr<const QuantizedMatrix> quantized_;  // its weight, where the file holds it so
  std::shared_ptr<const PackedWeights> packed_;
  std::shared_ptr<const PreparedWeight> restored_;  // of the layer that is being visited
  int refused_ = 0;
  std::vector<const StoredTensor*> expected_;
  std::size_t requested_ = 0;  // of expected_
  std::size_t requested_bytes_ = 0;
  std::size_t visited_bytes_ = 0;
};

// Compares what a model describes with what the source holds, before anything is read. Throws FileError that
// names every tensor (the first few) that is missing, unused or of another shape, and the file.
void check_all_bound(const WeightSource& source, const std::function<void(Parameters)>& describe);

}  // namespace sd35
