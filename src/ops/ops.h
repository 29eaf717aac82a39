// The operations models are written in. One description of the model, several engines: `ref` (plain loops,
// the oracle), `native` (oneDNN and our kernels), `torch` (LibTorch, for training and for devices).
//
// Activations of tokens are [B, T, D]; pictures are channels last, [B, Y, X, C], in every engine: oneDNN's
// bf16 convolution runs at 98 % of the machine's ceiling there and at 50-75 % on planes.
//
// Element types. An engine has one compute type (f32 or bf16). Verbs whose results feed a GEMM (linear,
// conv2d, norms, activations, attention) return the compute type, unless `Out::f32` asks for f32; verbs of
// the residual stream (add, gated_add) return the type of their first operand, which models keep in f32.
// Statistics, softmax and accumulation are f32 in every engine. Inputs may be f32 or the compute type.
//
// Every verb throws Error, naming itself and the shapes, when shapes do not fit.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/tensor.h"
#include "quant/quantized_matrix.h"

namespace sd35 {

enum class Activation : std::uint8_t {
  none,
  silu,        // x sigmoid(x)
  gelu,        // x Phi(x), with erf
  gelu_tanh,   // 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))
  quick_gelu,  // x sigmoid(1.702 x)
  relu,        // max(x, 0)
};

// The element type of a result: the engine's compute type, or f32.
enum class Out : std::uint8_t { compute, f32 };

// How often a prepared weight will be used: `once` takes it as it lies in the file (T5 streams through),
// `many` repacks it into the engine's fastest layout.
enum class Reuse : std::uint8_t { once, many };

// A prepared weight as bytes that may be kept on disk. `form` says how they lie in the parts, which begin at
// multiples of 64 bytes and may be longer than what they hold.
struct PackedWeight {
  std::string form;
  std::vector<Tensor> parts;
};

// What an engine keeps of a weight after prepare().
class PreparedWeight {
 public:
  virtual ~PreparedWeight() = default;
  // The same as bytes, sharing its memory; nothing where it cannot be kept.
  virtual std::optional<PackedWeight> packed() const { return std::nullopt; }
};

// What is added to some rows of a linear layer beside its own weight (LoRA, Hu et al. 2021): by training,
// which leaves the weight as it is, and by adapters that come and go without it.
struct LowRankUpdate {
  Tensor down;                 // A [r, in]
  Tensor up;                   // B [rows, r]
  float scale = 1.0f;          // alpha / r
  std::int64_t first_row = 0;  // of the layer's output features that `up` adds to
};

// Updates in an engine's own form.
class PreparedUpdates {
 public:
  virtual ~PreparedUpdates() = default;
};

// y = x W^T + b, and scale (x A^T) B^T for each update, whatever form the weight has.
struct Linear {
  Tensor weight;                                     // [out, in], any float type
  std::shared_ptr<const QuantizedMatrix> quantized;  // [out, in], in place of `weight`
  Tensor bias;                                       // [out] f32, or undefined
  std::shared_ptr<const PreparedWeight> prepared;    // set by Ops::prepare; then the weight may be released
  std::int64_t out_features = 0;
  std::int64_t in_features = 0;
  std::vector<LowRankUpdate> updates;
  std::shared_ptr<const PreparedUpdates> prepared_updates;  // set by Ops::attach, in place of `updates`

  bool loaded() const { return weight.defined() || quantized != nullptr || prepared != nullptr; }
};

// A convolution with stride and zero padding on each side. The weight keeps the reference's order of
// dimensions.
struct Conv2d {
  Tensor weight;  // [out, in, kernel, kernel], any float type
  Tensor bias;    // [out] f32
  std::shared_ptr<const PreparedWeight> prepared;
  std::int64_t out_channels = 0;
  std::int64_t in_channels = 0;
  int kernel = 3;
  int stride = 1;
  int pad_before = 1;  // top and left
  int pad_after = 1;   // bottom and right
};

// A group norm and the activation after it; see Ops::group_norm.
struct GroupNorm {
  Tensor weight, bias;  // [C] f32
  int groups = 32;
  float eps = 1e-6f;
  Activation act = Activation::none;
};

// One stream of tokens that takes part in an attention: its fused projection and the RMS norms of its queries
// and keys.
struct AttentionStream {
  Tensor qkv;                // [B, T, 3 H d]: the rows of q, then k, then v, each head-major
  Tensor norm_q, norm_k;     // [d] f32, or undefined for no norm
  bool wants_output = true;  // false: its tokens only serve as keys and values
};

struct AttentionOptions {
  int heads = 1;
  float scale = 1.0f;      // of the scores; usually 1 / sqrt(d), T5 uses 1
  float norm_eps = 1e-6f;  // of the RMS norms of q and k
  bool causal = false;     // token t sees tokens 0..t (one stream only)
  Tensor bias;             // [H, T, T] f32 added to the scores (one stream only), or undefined
  // How many equal tokens the last token of the last stream stands for (neither causal nor with a bias).
  std::int64_t last_count = 1;
};

// A part of a model as a function of what flows into it.
using Segment = std::function<std::vector<Tensor>(std::vector<Tensor> inputs)>;

class BandedOps;  // ops/banded_ops.h

class Ops {
 public:
  virtual ~Ops() = default;

  // For messages only: the functions below say what an engine can do.
  virtual std::string_view name() const = 0;
  // What GEMM-feeding verbs return: f32 or bf16.
  virtual DType compute_type() const = 0;
  // What is multiplied: the compute type, or f32 where the machine has no instructions for it.
  virtual DType product_type() const { return compute_type(); }
  // Where results lie and work is done.
  virtual Device device() const { return {}; }
  // Names everything that the bits of results depend on besides weights, inputs and the number of threads:
  // the engine, its device, types, instructions and libraries.
  virtual std::string identity() const;
  // GFLOP/s of multiply-adds of product_type(), each counted as two, that the device reaches at most;
  // measured again in each call (a tenth of a second).
  virtual double ceiling_gflops() const;
  // Returns when everything asked for is computed. A device works asynchronously; the host does not.
  virtual void finish() const {}
  // Returns memory that is kept for later results to the system.
  virtual void trim() const;

  // Whether a row of a linear layer's result is the same to the last bit whatever rows stand beside it: then
  // pictures that go through a model together are the same as alone.
  virtual bool rows_are_independent() const { return false; }

  // Gives the engine a weight to keep in its own form. Optional: verbs also take unprepared weights.
  virtual void prepare(Linear& linear, Reuse reuse) const;
  virtual void prepare(Conv2d& conv) const;
  // Names what the form of prepared weights depends on: the CPU, libraries, the compute type. Empty where
  // they cannot be kept.
  virtual std::string packing() const { return {}; }
  // The inverse of PreparedWeight::packed(), for a layer whose sizes are set. False, and nothing happens,
  // where `packed` is not of the form that this engine would make on this machine.
  virtual bool restore(Linear& /*linear*/, const PackedWeight& /*packed*/) const { return false; }

  // Gives a layer these updates in place of all that it had, in the engine's own form; an empty list removes
  // them. Its weight stays as it is. Throws Error for an update that does not fit.
  virtual void attach(Linear& linear, std::vector<LowRankUpdate> updates) const;

  // act(x W^T + b), and the updates before the activation: [..., in] -> [..., out]
  virtual Tensor linear(const Tensor& x, const Linear& w, Activation act = Activation::none,
                        Out out = Out::compute) const = 0;
  // [B, Y, X, in] -> [B, Y', X', out]
  virtual Tensor conv2d(const Tensor& x, const Conv2d& w, Out out = Out::compute) const = 0;

  // (x - mean) / sqrt(var + eps) * weight + bias over the last dimension; weight and bias [D] f32 or
  // undefined.
  virtual Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, float eps) const = 0;
  // x / sqrt(mean(x^2) + eps) * weight over the last dimension.
  virtual Tensor rms_norm(const Tensor& x, const Tensor& weight, float eps) const = 0;
  // act(group norm) of [B, Y, X, C]: statistics over Y, X and the C / groups channels of a group.
  virtual Tensor group_norm(const Tensor& x, const GroupNorm& norm) const = 0;
  // layer_norm(x) * (1 + scale) + shift with one shift and scale per picture: x [B, T, D], shift and scale
  // [B, D] f32.
  virtual Tensor norm_modulate(const Tensor& x, const Tensor& shift, const Tensor& scale,
                               float eps) const = 0;

  // x + y of equal shapes, or y [T, D] broadcast over the batch of x [B, T, D].
  virtual Tensor add(Tensor x, const Tensor& y) const = 0;
  // x + gate * y with one gate per picture: x and y [B, T, D], gate [B, D] f32.
  virtual Tensor gated_add(Tensor x, const Tensor& gate, const Tensor& y) const = 0;
  // x - y of equal shapes, both f32.
  virtual Tensor subtract(const Tensor& x, const Tensor& y) const;
  // Whether the mean absolute difference of x and y, of equal shapes and f32, is below `threshold` times the
  // mean absolute value of y.
  virtual bool nearly_equal(const Tensor& x, const Tensor& y, double threshold) const;
  // act(x), in the compute type.
  virtual Tensor activate(const Tensor& x, Activation act) const = 0;
  // act(gate) * x, in the compute type.
  virtual Tensor gated_activate(const Tensor& gate, const Tensor& x, Activation act) const = 0;

  // softmax(scale q k^T + bias) v over the tokens of all streams together, each head by itself. One result
  // per stream, [B, T, H d], undefined where the stream asks for none.
  virtual std::vector<Tensor> attention(std::span<const AttentionStream> streams,
                                        const AttentionOptions& options) const = 0;

  // Rows of a table [V, D] of any float type: ids i32 [...] -> [..., D] f32. Throws Error for an id outside
  // the table.
  virtual Tensor embedding(const Tensor& table, const Tensor& ids) const = 0;
  // Nearest neighbour, twice as high and wide: [B, Y, X, C] -> [B, 2Y, 2X, C].
  virtual Tensor upsample_nearest2x(const Tensor& x) const = 0;

  // Steps of the autoencoder as one verb each, so that an engine need not hold the map between them, the
  // largest of a large picture. `residual`, unless undefined, is added.
  virtual Tensor norm_conv2d(const Tensor& x, const GroupNorm& norm, const Conv2d& w, Tensor residual = {},
                             Out out = Out::compute) const {
    const Tensor y = conv2d(group_norm(x, norm), w, out);
    return residual.defined() ? add(std::move(residual), y) : y;
  }
  virtual Tensor upsample_conv2d(const Tensor& x, const Conv2d& w) const {
    return conv2d(upsample_nearest2x(x), w);
  }

  // The same steps where maps must not even be kept for the next one, or null: not in every engine.
  virtual const BandedOps* banded() const { return nullptr; }

  // Concatenation along dimension `dim`; one type.
  virtual Tensor concat(std::span<const Tensor> parts, int dim) const = 0;
  // Elements [begin, end) of dimension `dim`.
  virtual Tensor slice(const Tensor& x, int dim, std::int64_t begin, std::int64_t end) const = 0;
  // All of dimension `dim`, `size` at a time, which divides it.
  virtual std::vector<Tensor> split(const Tensor& x, int dim, std::int64_t size) const {
    std::vector<Tensor> parts;
    for (std::int64_t begin = 0; begin < x.dim(dim); begin += size)
      parts.push_back(slice(x, dim, begin, begin + size));
    return parts;
  }
  // Dimensions reordered: result dimension i is dimension order[i] of x.
  virtual Tensor permute(const Tensor& x, std::span<const int> order) const = 0;

  // x as f32, with its gradients where an engine has them.
  virtual Tensor to_f32(const Tensor& x) const { return x.to(DType::f32); }
  // body(inputs). An engine that trains may forget what happens inside and compute it again for the
  // gradients.
  virtual std::vector<Tensor> segment(std::vector<Tensor> inputs, const Segment& body) const {
    return body(std::move(inputs));
  }

  // A named intermediate, for engines that dump, check or profile; free otherwise.
  virtual void tap(std::string_view /*name*/, const Tensor& /*x*/) const {}
  // A part of the work begins; the one that began last ends. For engines that profile; see PartOfWork.
  virtual void begin_part(std::string_view /*name*/, int /*index*/) const {}
  virtual void end_part() const {}
};

// Names the work done while it lives: "denoise", or one of several, "block" 3.
class PartOfWork {
 public:
  PartOfWork(const Ops& ops, std::string_view name, int index = -1) : ops_(ops) {
    ops_.begin_part(name, index);
  }
  ~PartOfWork() { ops_.end_part(); }
  PartOfWork(const PartOfWork&) = delete;
  PartOfWork& operator=(const PartOfWork&) = delete;

 private:
  const Ops& ops_;
};

// The engines.
std::unique_ptr<Ops> make_ref_ops();
// `compute_type` f32 or bf16; otherwise throws ArgumentError.
std::unique_ptr<Ops> make_native_ops(DType compute_type);
// "ref", "native", or one that was registered; `device` is "cpu" for the first two. Throws ArgumentError
// naming the known ones.
std::unique_ptr<Ops> make_ops(std::string_view engine, DType compute_type, const std::string& device = "cpu");
// Makes an engine known that lives outside this layer; once, before threads start.
using EngineFactory = std::function<std::unique_ptr<Ops>(DType compute_type, const std::string& device)>;
void register_engine(const std::string& name, EngineFactory factory);

}  // namespace sd35
