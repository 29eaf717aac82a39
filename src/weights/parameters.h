// One visitor serves every use of a model's weights: load, check, count, save, initialise, quantize and
// optimize.
//
// A model describes itself once, in parameters(): each weight with its name below the component (diffusers
// layout), its shape and its kind. What happens to it is up to the visitor.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "core/tensor.h"
#include "ops/ops.h"

namespace sd35 {

// What a weight is for; decides its type in memory and its initial values.
enum class ParameterKind : std::uint8_t {
  linear,          // a GEMM weight [out, in]
  modulation,      // the GEMM weight of an adaLN projection, or its bias: zero before training
  conv,            // [out, in, kernel, kernel]
  bias,            // [out]
  norm_scale,      // [D], one before training
  norm_shift,      // [D], zero before training
  embedding,       // a table [V, D] read by rows
  position_table,  // a fixed table, not trained
};

struct ParameterSpec {
  std::vector<std::string>
      names;    // in the file; several are stacked along the first dimension (a fused projection)
  Shape shape;  // of the whole
  ParameterKind kind = ParameterKind::linear;
  bool optional = false;  // may be absent: the tensor stays undefined
};

class ParameterVisitor {
 public:
  virtual ~ParameterVisitor() = default;
  virtual void parameter(const ParameterSpec& spec, Tensor& tensor) = 0;
  // Called after the weight and the bias of a layer have been visited.
  virtual void linear_done(Linear& /*linear*/) {}
  virtual void conv_done(Conv2d& /*conv*/) {}
};

// A visitor at a place in the tree of names.
class Parameters {
 public:
  explicit Parameters(ParameterVisitor& visitor, std::string prefix = "")
      : visitor_(&visitor), prefix_(std::move(prefix)) {}

  ParameterVisitor& visitor() const { return *visitor_; }
  // The names below `name`: scope("attn").scope(3) sees "attn.3.*".
  Parameters scope(std::string_view name) const;
  Parameters scope(std::int64_t index) const { return scope(std::to_string(index)); }

  void tensor(std::string_view name, Tensor& tensor, Shape shape, ParameterKind kind,
              bool optional = false) const;
  // name.weight [out, in] and name.bias [out].
  void linear(std::string_view name, Linear& linear, std::int64_t out, std::int64_t in, bool bias = true,
              ParameterKind kind = ParameterKind::linear) const;
  // name.weight alone, which the file may lack: then the layer stays unloaded.
  void optional_linear(std::string_view name, Linear& linear, std::int64_t out, std::int64_t in) const;
  // Projections of one input that run as one GEMM: the rows of each name, stacked.
  void fused_linear(std::initializer_list<std::string_view> names, Linear& linear, std::int64_t out_each,
                    std::int64_t in, bool bias = true) const;
  // A convolution whose kernel equals its stride, run as a GEMM over patches: name.weight [out, in, patch,
  // patch].
  void patch_linear(std::string_view name, Linear& linear, std::int64_t out, std::int64_t in,
                    int patch) const;
  // name.weight and name.bias; sizes from `conv`'s own fields.
  void conv2d(std::string_view name, Conv2d& conv, bool bias = true) const;
  void group_norm(std::string_view name, GroupNorm& norm, std::int64_t channels) const;

 private:
  std::string full(std::string_view name) const { return prefix_ + std::string(name); }
  ParameterVisitor* visitor_;
  std::string prefix_;
};

}  // namespace sd35
