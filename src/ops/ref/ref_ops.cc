// The reference engine: plain loops in f32 with f64 accumulation, one thread, never optimized. It is the
// oracle of every test, so it is written to be read.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/error.h"
#include "ops/checks.h"
#include "ops/ops.h"

namespace sd35 {
namespace {

float apply(Activation act, float x) {
  const double v = x;
  switch (act) {
    case Activation::none:
      return x;
    case Activation::silu:
      return static_cast<float>(v / (1 + std::exp(-v)));
    case Activation::gelu:
      return static_cast<float>(0.5 * v * (1 + std::erf(v * M_SQRT1_2)));
    case Activation::gelu_tanh:
      return static_cast<float>(0.5 * v * (1 + std::tanh(std::sqrt(2 / M_PI) * (v + 0.044715 * v * v * v))));
    case Activation::quick_gelu:
      return static_cast<float>(v / (1 + std::exp(-1.702 * v)));
    case Activation::relu:
      return x < 0 ? 0 : x;
  }
  throw Error("unknown activation");
}

// Row-major strides, in elements.
std::vector<std::int64_t> strides_of(const Shape& shape) {
  std::vector<std::int64_t> strides(static_cast<std::size_t>(shape.rank()), 1);
  for (int i = shape.rank() - 2; i >= 0; --i)
    strides[static_cast<std::size_t>(i)] = strides[static_cast<std::size_t>(i) + 1] * shape[i + 1];
  return strides;
}

// The product of the dimensions before / after `dim`.
std::int64_t outer(const Shape& shape, int dim) {
  std::int64_t product = 1;
  for (int i = 0; i < dim; ++i) product *= shape[i];
  return product;
}
std::int64_t inner(const Shape& shape, int dim) {
  std::int64_t product = 1;
  for (int i = dim + 1; i < shape.rank(); ++i) product *= shape[i];
  return product;
}

// y[.., first_row + n] += scale (x A^T) B^T
void add_update(const Tensor& x, const LowRankUpdate& update, Tensor& y) {
  const Tensor down = update.down.to(DType::f32), up = update.up.to(DType::f32);
  const std::int64_t rank = down.dim(0), K = down.dim(1), rows = up.dim(0), N = y.dim(-1);
  std::vector<double> inner(static_cast<std::size_t>(rank));
  for (std::int64_t row = 0; row < y.numel() / N; ++row) {
    for (std::int64_t r = 0; r < rank; ++r)
      inner[static_cast<std::size_t>(r)] = std::inner_product(
          down.data<float>() + r * K, down.data<float>() + (r + 1) * K, x.data<float>() + row * K, 0.0);
    for (std::int64_t n = 0; n < rows; ++n)
      y.data<float>()[row * N + update.first_row + n] += static_cast<float>(
          update.scale * std::inner_product(inner.begin(), inner.end(), up.data<float>() + n * rank, 0.0));
  }
}

class RefOps : public Ops {
 public:
  std::string_view name() const override { return "ref"; }
  DType compute_type() const override { return DType::f32; }

  Tensor linear(const Tensor& x, const Linear& w, Activation act, Out /*out*/) const override {
    Tensor y(checks::linear(x, w), DType::f32);
    const Tensor in = x.to(DType::f32);
    const Tensor weight = w.quantized != nullptr ? w.quantized->dense() : w.weight.to(DType::f32);
    const std::int64_t K = w.in_features, N = w.out_features;
    for (std::int64_t row = 0; row < y.numel() / N; ++row) {
      for (std::int64_t n = 0; n < N; ++n) {
        double sum = w.bias.defined() ? w.bias.data<float>()[n] : 0.0;
        for (std::int64_t k = 0; k < K; ++k)
          sum += static_cast<double>(in.data<float>()[row * K + k]) * weight.data<float>()[n * K + k];
        y.data<float>()[row * N + n] = static_cast<float>(sum);
      }
    }
    for (const LowRankUpdate& update : w.updates) add_update(in, update, y);
    for (std::int64_t i = 0; i < y.numel(); ++i) y.data<float>()[i] = apply(act, y.data<float>()[i]);
    return y;
  }

  Tensor conv2d(const Tensor& x, const Conv2d& w, Out /*out*/) const override {
    Tensor y(checks::conv2d(x.shape(), w), DType::f32);
    const Tensor in = x.to(DType::f32), weight = w.weight.to(DType::f32);
    float* result = y.data<float>();
    for (std::int64_t b = 0; b < y.dim(0); ++b)
      for (std::int64_t row = 0; row < y.dim(1); ++row)
        for (std::int64_t col = 0; col < y.dim(2); ++col)
          for (std::int64_t o = 0; o < y.dim(3); ++o) *result++ = convolve_at(in, weight, w, b, row, col, o);
    return y;
  }

  Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, float eps) const override {
    checks::last_dim("layer_norm", x, weight);
    checks::last_dim("layer_norm", x, bias);
    Tensor y = x.to(DType::f32).clone();
    const std::int64_t D = x.dim(-1);
    for (float* row = y.data<float>(); row != y.data<float>() + y.numel(); row += D) {
      double sum = 0, squares = 0;
      for (std::int64_t i = 0; i < D; ++i) sum += row[i];
      const double mean = sum / static_cast<double>(D);
      for (std::int64_t i = 0; i < D; ++i) squares += (row[i] - mean) * (row[i] - mean);
      const double inverse = 1 / std::sqrt(squares / static_cast<double>(D) + eps);
      for (std::int64_t i = 0; i < D; ++i) row[i] = affine((row[i] - mean) * inverse, weight, bias, i);
    }
    return y;
  }

  Tensor rms_norm(const Tensor& x, const Tensor& weight, float eps) const override {
    checks::last_dim("rms_norm", x, weight);
    Tensor y = x.to(DType::f32).clone();
    const std::int64_t D = x.dim(-1);
    for (float* row = y.data<float>(); row != y.data<float>() + y.numel(); row += D)
      normalize_rms(row, D, weight, eps);
    return y;
  }

  Tensor group_norm(const Tensor& x, const GroupNorm& norm) const override {
    checks::group_norm(x.shape(), norm);
    Tensor y = x.to(DType::f32).clone();
    const std::int64_t pixels = x.dim(1) * x.dim(2), C = x.dim(3), size = C / norm.groups;
    for (std::int64_t b = 0; b < x.dim(0); ++b)
      for (std::int64_t g = 0; g < norm.groups; ++g) {
        float* first = y.data<float>() + b * pixels * C + g * size;
        double sum = 0, squares = 0;
        for (std::int64_t p = 0; p < pixels; ++p)
          for (std::int64_t i = 0; i < size; ++i) sum += first[p * C + i];
        const double count = static_cast<double>(pixels * size), mean = sum / count;
        for (std::int64_t p = 0; p < pixels; ++p)
          for (std::int64_t i = 0; i < size; ++i)
            squares += (first[p * C + i] - mean) * (first[p * C + i] - mean);
        const double inverse = 1 / std::sqrt(squares / count + norm.eps);
        for (std::int64_t p = 0; p < pixels; ++p)
          for (std::int64_t i = 0; i < size; ++i) {
            float& v = first[p * C + i];
            v = apply(norm.act, affine((v - mean) * inverse, norm.weight, norm.bias, g * size + i));
          }
      }
    return y;
  }

  Tensor norm_modulate(const Tensor& x, const Tensor& shift, const Tensor& scale, float eps) const override {
    checks::per_picture("norm_modulate", x, shift);
    checks::per_picture("norm_modulate", x, scale);
    Tensor y = layer_norm(x, Tensor(), Tensor(), eps);
    each_picture(y, [&](float& v, std::int64_t vector_index, std::int64_t) {
      v = v * (1 + scale.data<float>()[vector_index]) + shift.data<float>()[vector_index];
    });
    return y;
  }

  Tensor add(Tensor x, const Tensor& y) const override {
    checks::broadcast("add", x, y);
    Tensor sum = x.to(DType::f32).clone();
    const Tensor other = y.to(DType::f32);
    for (std::int64_t i = 0; i < sum.numel(); ++i)
      sum.data<float>()[i] += other.data<float>()[i % other.numel()];
    return sum;
  }

  Tensor gated_add(Tensor x, const Tensor& gate, const Tensor& y) const override {
    checks::same_shape("gated_add", x, y);
    checks::per_picture("gated_add", x, gate);
    Tensor sum = x.to(DType::f32).clone();
    const Tensor other = y.to(DType::f32);
    each_picture(sum, [&](float& v, std::int64_t vector_index, std::int64_t i) {
      v += gate.data<float>()[vector_index] * other.data<float>()[i];
    });
    return sum;
  }

  Tensor activate(const Tensor& x, Activation act) const override {
    Tensor y = x.to(DType::f32).clone();
    for (std::int64_t i = 0; i < y.numel(); ++i) y.data<float>()[i] = apply(act, y.data<float>()[i]);
    return y;
  }

  Tensor gated_activate(const Tensor& gate, const Tensor& x, Activation act) const override {
    checks::same_shape("gated_activate", gate, x);
    Tensor y = activate(gate, act);
    const Tensor other = x.to(DType::f32);
    for (std::int64_t i = 0; i < y.numel(); ++i) y.data<float>()[i] *= other.data<float>()[i];
    return y;
  }

  std::vector<Tensor> attention(std::span<const AttentionStream> streams,
                                const AttentionOptions& options) const override;

  Tensor embedding(const Tensor& table, const Tensor& ids) const override {
    Tensor y(checks::embedding(table, ids), DType::f32);
    const std::int64_t D = table.dim(1);
    for (std::int64_t i = 0; i < ids.numel(); ++i) {
      const Tensor row =
          table.rows(ids.data<std::int32_t>()[i], ids.data<std::int32_t>()[i] + 1).to(DType::f32);
      std::ranges::copy(row.floats(), y.data<float>() + i * D);
    }
    return y;
  }

  Tensor upsample_nearest2x(const Tensor& x) const override {
    Tensor y({x.dim(0), 2 * x.dim(1), 2 * x.dim(2), x.dim(3)}, DType::f32);
    const Tensor in = x.to(DType::f32);
    float* out = y.data<float>();
    for (std::int64_t b = 0; b < y.dim(0); ++b)
      for (std::int64_t row = 0; row < y.dim(1); ++row)
        for (std::int64_t col = 0; col < y.dim(2); ++col) {
          const float* pixel = in.data<float>() + ((b * x.dim(1) + row / 2) * x.dim(2) + col / 2) * x.dim(3);
          out = std::copy(pixel, pixel + x.dim(3), out);
        }
    return y;
  }

  Tensor concat(std::span<const Tensor> parts, int dim) const override {
    Tensor y(checks::concat(parts, dim), parts[0].dtype());
    const int axis = dim < 0 ? dim + y.shape().rank() : dim;
    auto* out = static_cast<std::byte*>(y.raw());
    for (std::int64_t o = 0; o < outer(y.shape(), axis); ++o)
      for (const Tensor& part : parts) {
        const auto run =
            static_cast<std::int64_t>(size_of(part.dtype())) * part.dim(axis) * inner(part.shape(), axis);
        const auto* from = static_cast<const std::byte*>(part.raw()) + o * run;
        out = std::copy(from, from + run, out);
      }
    return y;
  }

  Tensor slice(const Tensor& x, int dim, std::int64_t begin, std::int64_t end) const override {
    Tensor y(checks::slice(x, dim, begin, end), x.dtype());
    const int axis = dim < 0 ? dim + x.shape().rank() : dim;
    const auto item = static_cast<std::int64_t>(size_of(x.dtype())) * inner(x.shape(), axis);
    auto* out = static_cast<std::byte*>(y.raw());
    for (std::int64_t o = 0; o < outer(x.shape(), axis); ++o) {
      const auto* from = static_cast<const std::byte*>(x.raw()) + (o * x.dim(axis) + begin) * item;
      out = std::copy(from, from + (end - begin) * item, out);
    }
    return y;
  }

  Tensor permute(const Tensor& x, std::span<const int> order) const override {
    Tensor y(checks::permute(x, order), x.dtype());
    const auto from = strides_of(x.shape()), to = strides_of(y.shape());
    const std::size_t size = size_of(x.dtype());
    for (std::int64_t i = 0; i < y.numel(); ++i) {
      std::int64_t source = 0, rest = i;
      for (std::size_t d = 0; d < order.size(); ++d) {
        source += rest / to[d] * from[static_cast<std::size_t>(order[d])];
        rest %= to[d];
      }
      const auto* element = static_cast<const std::byte*>(x.raw()) + source * static_cast<std::int64_t>(size);
      std::copy(element, element + size,
                static_cast<std::byte*>(y.raw()) + i * static_cast<std::int64_t>(size));
    }
    return y;
  }

 private:
  static float affine(double v, const Tensor& weight, const Tensor& bias, std::int64_t i) {
    if (weight.defined()) v *= weight.data<float>()[i];
    if (bias.defined()) v += bias.data<float>()[i];
    return static_cast<float>(v);
  }

  static void normalize_rms(float* row, std::int64_t D, const Tensor& weight, float eps) {
    double squares = 0;
    for (std::int64_t i = 0; i < D; ++i) squares += static_cast<double>(row[i]) * row[i];
    const double inverse = 1 / std::sqrt(squares / static_cast<double>(D) + eps);
    for (std::int64_t i = 0; i < D; ++i) row[i] = affine(row[i] * inverse, weight, Tensor(), i);
  }

  // Calls body(element, index into a [B, D] vector, index into x) for every element of x [B, T, D].
  template <class Body>
  static void each_picture(Tensor& x, Body body) {
    const std::int64_t T = x.dim(1), D = x.dim(2);
    for (std::int64_t i = 0; i < x.numel(); ++i) body(x.data<float>()[i], i / (T * D) * D + i % D, i);
  }

  static float convolve_at(const Tensor& in, const Tensor& weight, const Conv2d& w, std::int64_t b,
                           std::int64_t row, std::int64_t col, std::int64_t o) {
    double sum = w.bias.defined() ? w.bias.data<float>()[o] : 0.0;
    for (int p = 0; p < w.kernel; ++p)
      for (int q = 0; q < w.kernel; ++q) {
        const std::int64_t y = row * w.stride + p - w.pad_before, x = col * w.stride + q - w.pad_before;
        if (y < 0 || x < 0 || y >= in.dim(1) || x >= in.dim(2)) continue;
        const float* pixel = in.data<float>() + ((b * in.dim(1) + y) * in.dim(2) + x) * in.dim(3);
        const float* tap = weight.data<float>() + (o * w.in_channels * w.kernel + p) * w.kernel + q;
        for (std::int64_t c = 0; c < w.in_channels; ++c)
          sum += static_cast<double>(pixel[c]) * tap[c * w.kernel * w.kernel];
      }
    return static_cast<float>(sum);
  }
};

// One head of all streams: its normalized queries, keys and values, [tokens, d] each.
struct Head {
  std::vector<float> q, k, v;
};

std::vector<Tensor> RefOps::attention(std::span<const AttentionStream> streams,
                                      const AttentionOptions& options) const {
  checks::attention(streams, options);
  const std::int64_t B = streams[0].qkv.dim(0), width = streams[0].qkv.dim(2) / 3, d = width / options.heads;
  std::vector<Tensor> results;
  for (const AttentionStream& s : streams)
    results.push_back(s.wants_output ? Tensor({B, s.qkv.dim(1), width}, DType::f32) : Tensor());

  for (std::int64_t b = 0; b < B; ++b)
    for (std::int64_t h = 0; h < options.heads; ++h) {
      Head head;
      for (const AttentionStream& s : streams) {
        const Tensor qkv = s.qkv.to(DType::f32);
        for (std::int64_t t = 0; t < s.qkv.dim(1); ++t) {
          const float* row = qkv.data<float>() + (b * s.qkv.dim(1) + t) * 3 * width + h * d;
          for (auto* part : {&head.q, &head.k, &head.v}) {
            part->insert(part->end(), row, row + d);
            row += width;
          }
          if (s.norm_q.defined())
            normalize_rms(head.q.data() + head.q.size() - d, d, s.norm_q, options.norm_eps);
          if (s.norm_k.defined())
            normalize_rms(head.k.data() + head.k.size() - d, d, s.norm_k, options.norm_eps);
        }
      }
      const auto tokens = static_cast<std::int64_t>(head.q.size()) / d;
      std::int64_t query = 0;
      for (std::size_t s = 0; s < streams.size(); ++s)
        for (std::int64_t t = 0; t < streams[s].qkv.dim(1); ++t, ++query) {
          if (!streams[s].wants_output) continue;
          std::vector<double> p(static_cast<std::size_t>(tokens));
          double largest = -std::numeric_limits<double>::infinity(), total = 0;
          const std::int64_t visible = options.causal ? query + 1 : tokens;
          for (std::int64_t j = 0; j < visible; ++j) {
            double score = 0;
            for (std::int64_t i = 0; i < d; ++i)
              score += static_cast<double>(head.q[query * d + i]) * head.k[j * d + i];
            p[j] = score * options.scale;
            if (j == tokens - 1) p[j] += std::log(static_cast<double>(options.last_count));
            if (options.bias.defined()) p[j] += options.bias.data<float>()[(h * tokens + query) * tokens + j];
            largest = std::isnan(p[j]) ? p[j] : std::max(largest, p[j]);
          }
          for (std::int64_t j = 0; j < visible; ++j) total += p[j] = std::exp(p[j] - largest);
          for (std::int64_t i = 0; i < d; ++i) {
            double sum = 0;
            for (std::int64_t j = 0; j < visible; ++j) sum += p[j] * head.v[j * d + i];
            results[s].data<float>()[(b * streams[s].qkv.dim(1) + t) * width + h * d + i] =
                static_cast<float>(sum / total);
          }
        }
    }
  return results;
}

}  // namespace

std::unique_ptr<Ops> make_ref_ops() { return std::make_unique<RefOps>(); }

}  // namespace sd35
