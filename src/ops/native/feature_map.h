// Feature maps as rows that are made in order, a band at a time.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "ops/banded_ops.h"
#include "ops/native/group_norm.h"
#include "ops/ops.h"

namespace sd35::native {

class Reading;

// Makes the rows of a map once, from the first to the last.
class RowMaker {
 public:
  virtual ~RowMaker() = default;
  // Rows [first, last); each call begins where the one before ended.
  virtual void make(std::int64_t first, std::int64_t last, Tensor& result) = 0;
};

class FeatureMap : public BandedMap {
 public:
  FeatureMap(Shape shape, DType dtype) : shape_(std::move(shape)), dtype_(dtype) {}

  const Shape& shape() const override { return shape_; }
  DType dtype() const { return dtype_; }
  std::int64_t height() const { return shape_[1]; }
  // Undefined if it is made.
  virtual const Tensor& kept() const;
  // How many rows are made at a time.
  virtual std::int64_t band_rows() const { return height(); }
  virtual std::unique_ptr<RowMaker> start(Reading& reading) const = 0;
  // Taken when all rows are made for the first time.
  const ChannelSums& sums() const;

 private:
  friend class RowsInReading;

  Shape shape_;
  DType dtype_;
  mutable std::optional<ChannelSums> sums_;
};

// The rows of a map during one reading. What several others read is made once, and held until all of them
// have read it.
class RowsInReading {
 public:
  struct Piece {
    std::int64_t first;
    Tensor rows;  // [1, rows, X, C]
  };

  RowsInReading(const FeatureMap& map, Reading& reading);
  // The number under which somebody reads.
  std::size_t add_reader();
  // Rows [begin, end) as they lie in memory. This reader reads no row before `begin` again.
  std::vector<Piece> pieces(std::size_t reader, std::int64_t begin, std::int64_t end);

 private:
  void make_band();

  const FeatureMap& map_;
  std::unique_ptr<RowMaker> maker_;
  std::deque<Piece> bands_;
  std::vector<std::int64_t> needed_;  // the first row that each reader may still read
  std::int64_t made_ = 0;
  std::optional<ChannelSums> sums_;  // unless they were taken before
};

// One way through the rows of a map, and through those of all that it is made of.
class Reading {
 public:
  RowsInReading& rows_of(const FeatureMap& map);

 private:
  std::map<const FeatureMap*, std::unique_ptr<RowsInReading>> rows_;
};

// Reads one map for one purpose.
class MapReader {
 public:
  MapReader(Reading& reading, const FeatureMap& map)
      : rows_(reading.rows_of(map)), number_(rows_.add_reader()) {}
  std::vector<RowsInReading::Piece> pieces(std::int64_t begin, std::int64_t end) {
    return rows_.pieces(number_, begin, end);
  }
  // The same in one tensor [1, end - begin, X, C].
  Tensor rows(std::int64_t begin, std::int64_t end);

 private:
  RowsInReading& rows_;
  std::size_t number_;
};

using MapRef = std::shared_ptr<const FeatureMap>;

// x [1, Y, X, C].
MapRef kept_map(Tensor x);

// Makes all rows of a map, in `result` [1, Y, X, C] or added to it.
void write_map(const FeatureMap& map, Tensor& result);
void add_map(const FeatureMap& map, Tensor& result);

}  // namespace sd35::native
