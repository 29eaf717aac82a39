#include "ops/native/group_norm.h"

#include <cmath>
#include <vector>

#include "core/threads.h"
#include "ops/checks.h"
#include "ops/native/elements.h"

namespace sd35::native {

void ChannelSums::add_rows(const Tensor& rows) {
  const std::int64_t height = rows.dim(1), width = rows.dim(2), channels = rows.dim(3);
  const auto C = static_cast<std::size_t>(channels);
  if (rows.numel() == 0) return;
  if (first_pixel_.empty()) {
    first_pixel_.resize(C);
    kernels::row_kernels().convert(read_from(rows, 0), {first_pixel_.data(), kernels::Element::f32},
                                   channels);
    sums_.assign(C, 0.0);
    squares_.assign(C, 0.0);
  }
  std::vector<double> sums(static_cast<std::size_t>(height) * C, 0.0), squares(sums.size(), 0.0);
  parallel_for(height, grain_rows(width * channels), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row)
      kernels::row_kernels().channel_sums(read_from(rows, row * width * channels), width, channels,
                                          first_pixel_.data(), sums.data() + row * channels,
                                          squares.data() + row * channels);
  });
  for (std::size_t i = 0; i < sums.size(); ++i) {
    sums_[i % C] += sums[i];
    squares_[i % C] += squares[i];
  }
  pixels_ += height * width;
}

ChannelAffine ChannelSums::affine(const GroupNorm& norm) const {
  const std::size_t channels = first_pixel_.size(), size = channels / static_cast<std::size_t>(norm.groups);
  ChannelAffine result{std::vector<float>(channels), std::vector<float>(channels)};
  const float *weight = floats_or_null(norm.weight), *bias = floats_or_null(norm.bias);
  const auto pixels = static_cast<double>(pixels_), count = pixels * static_cast<double>(size);
  for (std::size_t first = 0; first < channels; first += size) {
    double total = 0, spread = 0;
    for (std::size_t c = first; c < first + size; ++c) total += sums_[c] + pixels * first_pixel_[c];
    const double mean = total / count;
    for (std::size_t c = first; c < first + size; ++c) {
      // sum (x - mean)^2 with x - mean = (x - first pixel) - offset
      const double offset = mean - first_pixel_[c];
      spread += squares_[c] - 2 * offset * sums_[c] + pixels * offset * offset;
    }
    const double inverse = 1 / std::sqrt(std::max(0.0, spread / count) + norm.eps);
    for (std::size_t c = first; c < first + size; ++c) {
      const double scale = weight != nullptr ? inverse * weight[c] : inverse;
      result.scale[c] = static_cast<float>(scale);
      result.shift[c] = static_cast<float>((bias != nullptr ? bias[c] : 0.0) - mean * scale);
    }
  }
  return result;
}

void normalize_rows(const Tensor& x, const ChannelAffine& affine, Activation act, Tensor& target,
                    std::int64_t row) {
  const kernels::Function function = function_of(act);
  const std::int64_t width = x.dim(2), channels = x.dim(3), origin = row * width;
  parallel_for(x.dim(1) * width, grain_rows(channels), [&](std::int64_t first, std::int64_t last) {
    kernels::row_kernels().scale_shift(read_from(x, first * channels),
                                       write_to(target, (origin + first) * channels), last - first, channels,
                                       affine.scale.data(), affine.shift.data(), function);
  });
}

Tensor group_norm(const Tensor& x, const GroupNorm& norm, DType result_type) {
  checks::group_norm(x.shape(), norm);
  Tensor y(x.shape(), result_type);
  for (std::int64_t b = 0; b < x.dim(0) && y.numel() != 0; ++b) {
    const Tensor picture = x.rows(b, b + 1);
    ChannelSums sums;
    sums.add_rows(picture);
    Tensor target = y.rows(b, b + 1);
    normalize_rows(picture, sums.affine(norm), norm.act, target, 0);
  }
  return y;
}

}  // namespace sd35::native
