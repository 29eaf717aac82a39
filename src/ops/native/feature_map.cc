#include "ops/native/feature_map.h"

#include <algorithm>
#include <cstring>

#include "core/error.h"
#include "ops/native/conv2d.h"
#include "ops/native/row_ops.h"

namespace sd35::native {
namespace {

class KeptMap : public FeatureMap {
 public:
  explicit KeptMap(Tensor x) : FeatureMap(x.shape(), x.dtype()), x_(std::move(x)) {}

  const Tensor& kept() const override { return x_; }
  std::unique_ptr<RowMaker> start(Reading& /*reading*/) const override { return nullptr; }

 private:
  Tensor x_;
};

// Calls body(first row, last row) for the bands of a map.
template <class Body>
void for_bands(const FeatureMap& map, Body body) {
  for (std::int64_t first = 0; first < map.height(); first += map.band_rows())
    body(first, std::min(first + map.band_rows(), map.height()));
}

Tensor band_of(const FeatureMap& map, std::int64_t rows) {
  return Tensor({1, rows, map.shape()[2], map.shape()[3]}, map.dtype());
}

}  // namespace

const Tensor& FeatureMap::kept() const {
  static const Tensor nothing;
  return nothing;
}

const ChannelSums& FeatureMap::sums() const {
  if (!sums_ && kept().defined()) sums_.emplace().add_rows(kept());
  if (!sums_) {
    Reading reading;
    MapReader rows(reading, *this);
    for_bands(*this, [&](std::int64_t first, std::int64_t last) { rows.pieces(first, last); });
  }
  return *sums_;
}

RowsInReading::RowsInReading(const FeatureMap& map, Reading& reading) : map_(map) {
  if (map.kept().defined()) {
    bands_.push_back({0, map.kept()});
    made_ = map.height();
    return;
  }
  if (!map.sums_) sums_.emplace();
  maker_ = map.start(reading);
}

std::size_t RowsInReading::add_reader() {
  needed_.push_back(0);
  return needed_.size() - 1;
}

void RowsInReading::make_band() {
  const std::int64_t needed = *std::ranges::min_element(needed_);
  std::erase_if(bands_, [&](const Piece& band) { return band.first + band.rows.dim(1) <= needed; });
  const std::int64_t last = std::min(made_ + map_.band_rows(), map_.height());
  Piece band{made_, band_of(map_, last - made_)};
  maker_->make(made_, last, band.rows);
  if (sums_) sums_->add_rows(band.rows);
  if (sums_ && last == map_.height()) map_.sums_ = std::move(sums_);
  bands_.push_back(std::move(band));
  made_ = last;
}

std::vector<RowsInReading::Piece> RowsInReading::pieces(std::size_t reader, std::int64_t begin,
                                                        std::int64_t end) {
  needed_[reader] = begin;
  while (made_ < end) make_band();
  std::vector<Piece> pieces;
  for (const Piece& band : bands_) {
    const std::int64_t from = std::max(begin, band.first), to = std::min(end, band.first + band.rows.dim(1));
    if (from < to)
      pieces.push_back({from, rows_of_picture(band.rows, 0, from - band.first, to - band.first)});
  }
  return pieces;
}

RowsInReading& Reading::rows_of(const FeatureMap& map) {
  std::unique_ptr<RowsInReading>& rows = rows_[&map];
  if (rows == nullptr) rows = std::make_unique<RowsInReading>(map, *this);
  return *rows;
}

Tensor MapReader::rows(std::int64_t begin, std::int64_t end) {
  const std::vector<RowsInReading::Piece> found = pieces(begin, end);
  if (found.size() == 1) return found.front().rows;
  const Tensor& some = found.front().rows;
  Tensor together({1, end - begin, some.dim(2), some.dim(3)}, some.dtype());
  auto* target = static_cast<std::byte*>(together.raw());
  for (const RowsInReading::Piece& piece : found) {
    std::memcpy(target, piece.rows.raw(), piece.rows.bytes());
    target += piece.rows.bytes();
  }
  return together;
}

MapRef kept_map(Tensor x) {
  if (x.shape().rank() != 4 || x.dim(0) != 1)
    throw Error("a feature map in bands is [1, Y, X, C], not " + x.shape().to_string());
  return std::make_shared<KeptMap>(std::move(x));
}

void write_map(const FeatureMap& map, Tensor& result) {
  Reading reading;
  const std::unique_ptr<RowMaker> maker = map.start(reading);
  for_bands(map, [&](std::int64_t first, std::int64_t last) {
    Tensor rows = rows_of_picture(result, 0, first, last);
    maker->make(first, last, rows);
  });
}

void add_map(const FeatureMap& map, Tensor& result) {
  Reading reading;
  const std::unique_ptr<RowMaker> maker = map.start(reading);
  for_bands(map, [&](std::int64_t first, std::int64_t last) {
    Tensor made = band_of(map, last - first), rows = rows_of_picture(result, 0, first, last);
    maker->make(first, last, made);
    add_to(rows, made);
  });
}

}  // namespace sd35::native
