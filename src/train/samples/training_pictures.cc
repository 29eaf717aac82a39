#include "train/samples/training_pictures.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

#include "core/error.h"
#include "core/threads.h"

namespace sd35::train {
namespace {

// Picture i of [B, 3, Y, X].
void put_planes(const Image& image, std::int64_t i, Tensor& pictures) {
  const std::int64_t pixels = std::int64_t{image.width} * image.height;
  const Tensor rgb = pixels_from_image(image);
  float* const target = pictures.data<float>() + 3 * i * pixels;
  for (std::int64_t channel = 0; channel < 3; ++channel)
    for (std::int64_t p = 0; p < pixels; ++p)
      target[channel * pixels + p] = rgb.floats()[static_cast<std::size_t>(3 * p + channel)];
}

}  // namespace

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
  Tensor pictures({count, 3, batch.height, batch.width}, DType::f32);
  parallel_for(count, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      put_planes(fit_to_bucket(readable(batch, i), {batch.width, batch.height}, options,
                               seeds[static_cast<std::size_t>(i)])
                     .image,
                 i, pictures);
  });
  return pictures;
}

CroppedPictures TrainingPictures::cropped(MicroBatch& batch, const FitOptions& options,
                                          const CropOptions& crop, const std::vector<std::uint64_t>& seeds) {
  const auto count = static_cast<std::int64_t>(batch.samples.size());
  CroppedPictures crops{Tensor({count, 3, crop.side, crop.side}, DType::f32)};
  std::vector<char> about_text(batch.samples.size());
  parallel_for(count, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const auto place = static_cast<std::size_t>(i);
      const Image image = readable(batch, i);
      const sd35::FittedPicture fitted =
          fit_to_bucket(image, {batch.width, batch.height}, options, seeds[place]);
      SampleRandom random(seeds[place], 0, 1);  // fit_to_bucket takes the numbers of sample 0
      std::optional<PixelBox> text;
      if (random.uniform() < crop.about_text) {
        const auto json = dataset_->read_member(batch.samples[place], "json");
        if (json) text = text_box(*json);
        if (text) text = moved_with(fitted, {image.width, image.height}, *text);
      }
      about_text[place] = text.has_value();
      put_planes(crop_of(fitted.image, crop, text, random), i, crops.pictures);
    }
  });
  crops.about_text = static_cast<double>(std::ranges::count(about_text, 1)) / static_cast<double>(count);
  return crops;
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
