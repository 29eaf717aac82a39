// The part of oneDNN that is used here: matrix products and convolutions with a fused bias and
// activation, and the layouts of their weights. This header and its .cc are the only files that use oneDNN;
// they build against its 2.x and 3.x interfaces.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "ops/ops.h"

namespace sd35::onednn {

// Where the elements of a weight lie in memory: row-major, or blocked the way a primitive reads it fastest.
class Layout {
 public:
  struct Description;
  explicit Layout(std::shared_ptr<const Description> description) : description_(std::move(description)) {}

  // A matrix [out, in], row-major; f32 or bf16, as everywhere in this file.
  static Layout matrix(DType dtype, std::int64_t out, std::int64_t in);
  // The same matrix stored as [in, out].
  static Layout transposed_matrix(DType dtype, std::int64_t out, std::int64_t in);
  // A filter [out, in, kernel, kernel], row-major.
  static Layout filter(DType dtype, std::int64_t out, std::int64_t in, int kernel);

  std::size_t bytes() const;
  // All of it, to be compared: "2 f32 [1536, 4608] ...".
  std::string text() const;
  // Output features [begin, begin + count) of a matrix; both multiples of kRowGranularity, or up to the end.
  // Memory is still addressed from its beginning.
  Layout rows(std::int64_t begin, std::int64_t count) const;
  bool operator==(const Layout& other) const;
  const Description& description() const { return *description_; }

 private:
  std::shared_ptr<const Description> description_;
};

// The most output features that a blocked layout of a matrix has in a block.
constexpr std::int64_t kRowGranularity = 64;

// y [rows, out] = act(x [rows, in] weight [out, in]^T + bias [out])
struct MatmulSpec {
  std::int64_t rows = 0, in = 0, out = 0;
  DType dtype = DType::f32;         // of x and the weight
  DType result_dtype = DType::f32;  // `dtype` or f32
  std::int64_t result_stride = 0;   // elements from one row of y to the next
  bool bias = false;
  Activation activation = Activation::none;
  bool transposed_x = false;  // x is stored as [in, rows]
  bool accumulate = false;    // y = act(... + y)
  std::int64_t x_stride = 0;  // elements from one row of x to the next; 0: `in`
  bool operator==(const MatmulSpec&) const = default;
};

constexpr std::int64_t kChannelBlock = 8;

// y [B, Y', X', out] = x [B, Y, X, in] * weight [out, in, kernel, kernel] + bias [out]
struct ConvolutionSpec {
  std::int64_t batch = 0, height = 0, width = 0, result_height = 0, result_width = 0, in = 0, out = 0;
  int kernel = 1, stride = 1, pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;
  DType dtype = DType::f32;
  DType result_dtype = DType::f32;
  bool bias = false;
  bool blocked = false;  // x and y in blocks of kChannelBlock channels: [B, C / block, Y, X, block]
  bool operator==(const ConvolutionSpec&) const = default;
};

// A computation compiled for one set of sizes. Safe to run from several threads.
class Primitive {
 public:
  virtual ~Primitive() = default;
  virtual const Layout& weight_layout() const = 0;
  // oneDNN has only its plain loops for this layout, thousands of times slower than the layout it would
  // choose.
  virtual bool plain_loops() const = 0;
  // `bias` null where the spec has none. Throws Error when oneDNN fails.
  virtual void run(const void* x, const void* weight, const float* bias, void* y) const = 0;
};

// Compiled once and remembered (the last few hundred). Without a `weight` layout oneDNN chooses it. Throws
// Error when oneDNN cannot compute this.
std::shared_ptr<const Primitive> primitive(const MatmulSpec& spec, const std::optional<Layout>& weight);
std::shared_ptr<const Primitive> primitive(const ConvolutionSpec& spec, const std::optional<Layout>& weight);

// Version and build, and the instructions it uses: "2.6.3 0123abc avx2".
std::string identity();

// Copies a weight from one layout (and element type) to another.
void reorder(const Layout& from, const void* source, const Layout& to, void* target);

}  // namespace sd35::onednn
