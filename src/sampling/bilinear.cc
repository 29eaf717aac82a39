#include "sampling/bilinear.h"

#include <algorithm>
#include <vector>

namespace sd35 {
namespace {

// Where an output lies between two inputs.
struct Between {
  std::int64_t before, after;
  float share;  // of the latter
};

std::vector<Between> places(std::int64_t inputs, std::int64_t outputs) {
  const float scale = static_cast<float>(inputs) / static_cast<float>(outputs);
  std::vector<Between> result;
  for (std::int64_t i = 0; i < outputs; ++i) {
    const float at = std::max(0.0f, scale * (static_cast<float>(i) + 0.5f) - 0.5f);
    const auto before = std::min(static_cast<std::int64_t>(at), inputs - 1);
    result.push_back({before, std::min(before + 1, inputs - 1), at - static_cast<float>(before)});
  }
  return result;
}

}  // namespace

Tensor bilinear(const Tensor& latents, std::int64_t height, std::int64_t width) {
  const std::int64_t h = latents.dim(2), w = latents.dim(3);
  Tensor result({latents.dim(0), latents.dim(1), height, width}, DType::f32);
  const std::vector<Between> rows = places(h, height), columns = places(w, width);
  float* out = result.data<float>();
  for (std::int64_t plane = 0; plane < latents.dim(0) * latents.dim(1); ++plane) {
    const float* in = latents.data<float>() + plane * h * w;
    for (const Between& y : rows)
      for (const Between& x : columns) {
        const auto across = [&](std::int64_t row) {
          return (1 - x.share) * in[row * w + x.before] + x.share * in[row * w + x.after];
        };
        *out++ = (1 - y.share) * across(y.before) + y.share * across(y.after);
      }
  }
  return result;
}

}  // namespace sd35
