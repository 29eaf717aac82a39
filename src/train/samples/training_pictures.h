// Pictures of a data set as a network takes them.
#pragma once

#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/fit.h"
#include "train/objectives/objective.h"
#include "train/samples/picture_crops.h"

namespace sd35::train {

struct CroppedPictures {
  Tensor pictures;        // [B, 3, side, side] f32 in [-1, 1]
  double about_text = 0;  // share of them
};

class TrainingPictures {
 public:
  // Opens the data set. Throws FileError as Dataset::open() does.
  TrainingPictures(const std::string& data, OnMessage warn);

  const Dataset& dataset() const { return *dataset_; }
  // Each picture of `batch` at its size, [B, 3, Y, X] f32 in [-1, 1]; seeds[i] decides crop and flip of the
  // picture in place i. A picture that cannot be read is replaced in `batch` by another, with one message
  // that names it; throws FileError when too many cannot be read.
  Tensor fitted(MicroBatch& batch, const FitOptions& options, const std::vector<std::uint64_t>& seeds);
  // The part of each that `crop` asks for, from the picture as fitted() returns it; seeds[i] decides where it
  // is.
  CroppedPictures cropped(MicroBatch& batch, const FitOptions& options, const CropOptions& crop,
                          const std::vector<std::uint64_t>& seeds);
  // At most `count` pictures, squares around their middle, the same ones each time: a batch of the first that
  // can be read, for inspection and measuring.
  Tensor first_squares(std::int64_t count, int side, MicroBatch& batch);

 private:
  Image readable(MicroBatch& batch, std::int64_t place);

  std::unique_ptr<Dataset> dataset_;
  OnMessage warn_;
  std::mutex mutex_;  // of what follows
  std::set<std::int64_t> unreadable_;
};

// The inverse of a picture's planes [3, Y, X] in about [-1, 1]. Throws NumericError for NaN and infinity.
Image image_from_planes(const Tensor& planes);

}  // namespace sd35::train
