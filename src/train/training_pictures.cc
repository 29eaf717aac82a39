#include "train/training_pictures.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "core/error.h"
#include "core/threads.h"

namespace sd35::train {

TrainingPictures::TrainingPictures(const std::string& data, OnMessage warn)
    : dataset_(Dataset::open(data, warn)), warn_(std::move(warn)) {}

Image TrainingPictures::readable(MicroBatch& batch, std::int64_t place) {
  constexpr int attempts = 8;
  std::int64_t& sample = batch.samples[static_cast<std::size_t>(place)];
  for (int attempt = 0;; ++attempt) {
    try {
      return dataset_->read_image(sample);
    } catch (const FileError& error) {
      if (attempt == attempts || !batch.replacement) throw;
      const std::lock_guard lock(mutex_);
      if (unreadable_.insert(sample).second && warn_) warn_("skipped " + std::string(error.what()));
      sample = batch.replacement(place, attempt);
    }
  }
}

Tensor TrainingPictures::fitted(MicroBatch& batch, const FitOptions& options,
                                const std::vector<std::uint64_t>& seeds) {
  const auto count = static_cast<std::int64_t>(batch.samples.size());
  const std::int64_t pixels = std::int64_t{batch.width} * batch.height;
  Tensor pictures({count, 3, batch.height, batch.width}, DType::f32);
  float* const target = pictures.data<float>();
  parallel_for(count, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const Bucket size{batch.width, batch.height};
      const Image image =
          fit_to_bucket(readable(batch, i), size, options, seeds[static_cast<std::size_t>(i)]).image;
      const Tensor rgb = pixels_from_image(image);
      for (std::int64_t channel = 0; channel < 3; ++channel)
        for (std::int64_t p = 0; p < pixels; ++p)
          target[(i * 3 + channel) * pixels + p] = rgb.floats()[static_cast<std::size_t>(3 * p + channel)];
    }
  });
  return pictures;
}

Tensor TrainingPictures::first_squares(std::int64_t count, int side, MicroBatch& batch) {
  const std::int64_t size = dataset_->size();
  batch.samples.resize(static_cast<std::size_t>(std::min(count, size)));
  std::iota(batch.samples.begin(), batch.samples.end(), 0);
  batch.width = batch.height = side;
  batch.replacement = [=](std::int64_t place, int attempt) { return (place + count + attempt) % size; };
  return fitted(batch, {}, std::vector<std::uint64_t>(batch.samples.size()));
}

Image image_from_planes(const Tensor& planes) {
  const std::int64_t height = planes.dim(1), width = planes.dim(2), pixels = width * height;
  Tensor rgb({height, width, 3}, DType::f32);
  for (std::int64_t channel = 0; channel < 3; ++channel)
    for (std::int64_t p = 0; p < pixels; ++p)
      rgb.data<float>()[3 * p + channel] = planes.data<float>()[channel * pixels + p];
  return image_from_pixels(rgb);
}

}  // namespace sd35::train
