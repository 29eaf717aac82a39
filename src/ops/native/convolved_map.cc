#include "ops/native/convolved_map.h"

#include <utility>

#include "core/error.h"
#include "ops/checks.h"
#include "ops/native/conv2d.h"
#include "ops/native/data_movement.h"
#include "ops/native/feature_map.h"
#include "ops/native/row_ops.h"

namespace sd35::native {
namespace {

// Of a band in f32; values do not depend on it. Where maps are made of maps that are made, each holds two or
// three bands.
constexpr std::int64_t kBandBytes = 8 << 20, kThinBandBytes = 2 << 20;

class ConvolvedMap : public FeatureMap {
 public:
  ConvolvedMap(Shape input, Shape shape, MapRef x, const BeforeConvolution& before, const Conv2d& w,
               MapRef residual, DType compute_type, DType result_type, std::int64_t band_bytes)
      : FeatureMap(std::move(shape), result_type),
        input_(std::move(input)),
        x_(std::move(x)),
        upsampled_(before.upsampled),
        w_(w),
        residual_(std::move(residual)),
        compute_type_(compute_type),
        band_rows_(rows_per_band(input_, w, band_bytes)) {
    if (before.norm == nullptr) return;
    act_ = before.norm->act;
    affine_ = x_->sums().affine(*before.norm);
  }

  std::int64_t band_rows() const override { return band_rows_; }
  std::unique_ptr<RowMaker> start(Reading& reading) const override;

 private:
  friend class Convolver;

  Shape input_;  // of the convolution
  MapRef x_;
  bool upsampled_;
  std::optional<ChannelAffine> affine_;
  Activation act_ = Activation::none;
  const Conv2d& w_;
  MapRef residual_;
  DType compute_type_;
  std::int64_t band_rows_;
};

class Convolver : public RowMaker {
 public:
  Convolver(const ConvolvedMap& map, Reading& reading) : map_(map), x_(reading, *map.x_) {
    if (map.residual_ != nullptr) residual_.emplace(reading, *map.residual_);
  }

  void make(std::int64_t first, std::int64_t last, Tensor& result) override {
    const auto [begin, end, padding] = rows_to_convolve(map_.input_, map_.w_, first, last);
    convolve(input(begin, end), map_.w_, padding, map_.compute_type_, result);
    if (!residual_) return;
    for (const RowsInReading::Piece& piece : residual_->pieces(first, last)) {
      Tensor rows = rows_of_picture(result, 0, piece.first - first, piece.first - first + piece.rows.dim(1));
      add_to(rows, piece.rows);
    }
  }

 private:
  // Rows [begin, end) of what is convolved.
  Tensor input(std::int64_t begin, std::int64_t end) {
    if (map_.upsampled_) {
      const std::int64_t first = begin / 2, last = (end + 1) / 2;
      return rows_of_picture(upsample_nearest2x(x_.rows(first, last)), 0, begin - 2 * first, end - 2 * first);
    }
    if (!map_.affine_) return x_.rows(begin, end);
    Tensor normed({1, end - begin, map_.input_[2], map_.input_[3]}, map_.compute_type_);
    for (const RowsInReading::Piece& piece : x_.pieces(begin, end))
      normalize_rows(piece.rows, *map_.affine_, map_.act_, normed, piece.first - begin);
    return normed;
  }

  const ConvolvedMap& map_;
  MapReader x_;
  std::optional<MapReader> residual_;
};

std::unique_ptr<RowMaker> ConvolvedMap::start(Reading& reading) const {
  return std::make_unique<Convolver>(*this, reading);
}

void check_residual(const Shape& residual, const Shape& result) {
  if (residual != result)
    throw Error("conv2d: a residual of " + residual.to_string() + " for a result of " + result.to_string());
}

// Of what is convolved.
Shape input_shape(const Shape& x, const BeforeConvolution& before) {
  if (before.norm != nullptr) checks::group_norm(x, *before.norm);
  if (x.rank() != 4) throw Error("conv2d: a picture of " + x.to_string());
  return before.upsampled ? Shape{x[0], 2 * x[1], 2 * x[2], x[3]} : x;
}

MapRef map_in_bands(MapRef x, const BeforeConvolution& before, const Conv2d& w, MapRef residual,
                    DType compute_type, DType result_type, std::int64_t band_bytes) {
  Shape input = input_shape(x->shape(), before), shape = checks::conv2d(input, w);
  if (residual != nullptr) check_residual(residual->shape(), shape);
  if (residual != nullptr && residual->dtype() != result_type)
    throw Error("conv2d: a residual in " + std::string(name_of(residual->dtype())) + " for a result in " +
                std::string(name_of(result_type)));
  return std::make_shared<ConvolvedMap>(std::move(input), std::move(shape), std::move(x), before, w,
                                        std::move(residual), compute_type, result_type, band_bytes);
}

}  // namespace

MapRef convolved_map(MapRef x, const BeforeConvolution& before, const Conv2d& w, MapRef residual,
                     DType compute_type, DType result_type) {
  return map_in_bands(std::move(x), before, w, std::move(residual), compute_type, result_type,
                      kThinBandBytes);
}

Tensor convolved(const Tensor& x, const BeforeConvolution& before, const Conv2d& w, Tensor residual,
                 DType compute_type, DType result_type) {
  const Shape shape = checks::conv2d(input_shape(x.shape(), before), w);
  const bool adds = residual.defined();
  if (adds) check_residual(residual.shape(), shape);
  Tensor y = adds ? writable(std::move(residual)) : Tensor(shape, result_type);
  for (std::int64_t b = 0; b < shape[0] && y.numel() != 0; ++b) {
    const MapRef map =
        map_in_bands(kept_map(x.rows(b, b + 1)), before, w, nullptr, compute_type, result_type, kBandBytes);
    Tensor picture = y.rows(b, b + 1);
    adds ? add_map(*map, picture) : write_map(*map, picture);
  }
  return y;
}

}  // namespace sd35::native
