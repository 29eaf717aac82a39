#include "ops/native/group_norm.h"

#include <cmath>
#include <vector>

#include "core/threads.h"
#include "ops/checks.h"
#include "ops/native/elements.h"

namespace sd35::native {
namespace {

// Parts of a picture that are summed separately. A constant, so that results do not depend on the threads.
constexpr std::int64_t kParts = 64;

class Statistics {
 public:
  Statistics(const Tensor& x, const GroupNorm& norm)
      : x_(x),
        groups_(norm.groups),
        pixels_(x.dim(1) * x.dim(2)),
        channels_(x.dim(3)),
        weight_(floats_or_null(norm.weight)),
        bias_(floats_or_null(norm.bias)),
        eps_(norm.eps) {}

  // Sums are of differences from the first pixel, so that a mean far from zero costs no digits.
  ChannelAffine affine(std::int64_t picture) const {
    const auto C = static_cast<std::size_t>(channels_);
    std::vector<float> pivot(C);
    kernels::row_kernels().convert(read_from(x_, picture * pixels_ * channels_),
                                   {pivot.data(), kernels::Element::f32}, channels_);
    std::vector<double> sums(kParts * C, 0.0), squares(kParts * C, 0.0);
    parallel_for(kParts, std::max<std::int64_t>(1, kParts * kGrainElements / (pixels_ * channels_)),
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t part = begin; part < end; ++part) {
                     const std::int64_t first = pixels_ * part / kParts, last = pixels_ * (part + 1) / kParts;
                     kernels::row_kernels().channel_sums(
                         read_from(x_, (picture * pixels_ + first) * channels_), last - first, channels_,
                         pivot.data(), sums.data() + part * channels_, squares.data() + part * channels_);
                   }
                 });
    for (std::size_t i = C; i < sums.size(); ++i) {
      sums[i % C] += sums[i];
      squares[i % C] += squares[i];
    }
    return affine_from(pivot, sums, squares);
  }

 private:
  ChannelAffine affine_from(const std::vector<float>& pivot, const std::vector<double>& sums,
                            const std::vector<double>& squares) const {
    ChannelAffine result{std::vector<float>(pivot.size()), std::vector<float>(pivot.size())};
    const auto size = static_cast<std::size_t>(channels_ / groups_);
    const auto pixels = static_cast<double>(pixels_), count = pixels * static_cast<double>(size);
    for (std::size_t first = 0; first < pivot.size(); first += size) {
      double total = 0, spread = 0;
      for (std::size_t c = first; c < first + size; ++c) total += sums[c] + pixels * pivot[c];
      const double mean = total / count;
      for (std::size_t c = first; c < first + size; ++c) {
        // sum (x - mean)^2 with x - mean = (x - pivot) - offset
        const double offset = mean - pivot[c];
        spread += squares[c] - 2 * offset * sums[c] + pixels * offset * offset;
      }
      const double inverse = 1 / std::sqrt(std::max(0.0, spread / count) + eps_);
      for (std::size_t c = first; c < first + size; ++c) {
        const double scale = weight_ != nullptr ? inverse * weight_[c] : inverse;
        result.scale[c] = static_cast<float>(scale);
        result.shift[c] = static_cast<float>((bias_ != nullptr ? bias_[c] : 0.0) - mean * scale);
      }
    }
    return result;
  }

  const Tensor& x_;
  std::int64_t groups_, pixels_, channels_;
  const float *weight_, *bias_;
  float eps_;
};

}  // namespace

NormedPictures::NormedPictures(const Tensor& x, const GroupNorm& norm) : x_(x), act_(norm.act) {
  checks::group_norm(x, norm);
  const Statistics statistics(x, norm);
  for (std::int64_t picture = 0; picture < x.dim(0) && x.numel() != 0; ++picture)
    affine_.push_back(statistics.affine(picture));
}

void NormedPictures::write_rows(std::int64_t picture, std::int64_t begin, Tensor& target) const {
  const ChannelAffine& affine = affine_[static_cast<std::size_t>(picture)];
  const kernels::Function function = function_of(act_);
  const std::int64_t width = x_.dim(2), channels = x_.dim(3);
  const std::int64_t origin = (picture * x_.dim(1) + begin) * width;
  parallel_for(target.dim(1) * width, grain_rows(channels), [&](std::int64_t first, std::int64_t last) {
    kernels::row_kernels().scale_shift(read_from(x_, (origin + first) * channels),
                                       write_to(target, first * channels), last - first, channels,
                                       affine.scale.data(), affine.shift.data(), function);
  });
}

Tensor group_norm(const Tensor& x, const GroupNorm& norm, DType result_type) {
  const NormedPictures normed(x, norm);
  Tensor y(x.shape(), result_type);
  for (std::int64_t picture = 0; picture < x.dim(0) && y.numel() != 0; ++picture) {
    Tensor target = y.rows(picture, picture + 1);
    normed.write_rows(picture, 0, target);
  }
  return y;
}

}  // namespace sd35::native
