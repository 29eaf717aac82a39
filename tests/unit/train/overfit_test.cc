// Sixteen pictures learned by heart, autoencoder and transformer, and drawn again from their captions.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "image/grid.h"
#include "image/image_file.h"
#include "image/psnr.h"
#include "sd35/sd35.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_model.h"
#include "train/train_config.h"
#include "train/trainer.h"

namespace sd35::train {
namespace {

constexpr int kPictureSide = 48;

struct Colour {
  const char* name;
  std::array<int, 3> rgb;
};
constexpr std::array kColours{Colour{"red", {220, 30, 40}}, Colour{"yellow", {240, 210, 40}},
                              Colour{"green", {30, 150, 60}}, Colour{"blue", {40, 70, 210}}};
constexpr std::array kShapes{"disc", "triangle", "cross", "ring"};

bool covers(std::size_t shape, double x, double y) {  // [-1, 1]
  const double radius = std::hypot(x, y), far = std::max(std::abs(x), std::abs(y)),
               near = std::min(std::abs(x), std::abs(y));
  if (shape == 0) return radius < 0.65;
  if (shape == 1) return y < 0.6 && std::abs(x) < (y + 0.7) / 1.8;
  if (shape == 2) return far < 0.75 && near < 0.22;
  return radius < 0.75 && radius > 0.4;
}

struct Lesson {
  std::string caption;
  Image picture;
};

// Every shape in every colour, on the next colour made pale.
std::vector<Lesson> lessons() {
  std::vector<Lesson> all;
  for (std::size_t shape = 0; shape < kShapes.size(); ++shape)
    for (std::size_t colour = 0; colour < kColours.size(); ++colour) {
      const auto& behind = kColours[(colour + 1) % kColours.size()].rgb;
      Image image{kPictureSide, kPictureSide, {}};
      for (int y = 0; y < kPictureSide; ++y)
        for (int x = 0; x < kPictureSide; ++x)
          for (std::size_t c = 0; c < 3; ++c) {
            const auto at = [](int i) { return (2.0 * i + 1) / kPictureSide - 1; };
            const bool inside = covers(shape, at(x), at(y));
            image.rgb.push_back(
                static_cast<std::uint8_t>(inside ? kColours[colour].rgb[c] : 128 + behind[c] / 2));
          }
      all.push_back({std::string("a ") + kColours[colour].name + " " + kShapes[shape], std::move(image)});
    }
  return all;
}

// The losses of the first and of the last steps, a mean of `count` each.
std::pair<double, double> losses_of(const std::filesystem::path& run, std::size_t count) {
  std::vector<double> losses;
  std::ifstream file(run / "metrics.jsonl");
  for (std::string line; std::getline(file, line);) {
    const auto figures = nlohmann::json::parse(line);
    if (figures.contains("loss")) losses.push_back(figures["loss"]);
  }
  double first = 0, last = 0;
  for (std::size_t i = 0; i < count; ++i) {
    first += losses[i] / static_cast<double>(count);
    last += losses[losses.size() - 1 - i] / static_cast<double>(count);
  }
  return {first, last};
}

void train(const TrainConfig& config, const std::filesystem::path& folder) {
  RunOptions options;
  options.folder = folder;
  run_training(config, options);
}

TEST(Overfit, DrawsSixteenPicturesAgain) {
  const TemporaryFolder folder;
  const std::filesystem::path data = folder / "data";
  std::filesystem::create_directory(data);
  const std::vector<Lesson> all = lessons();
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::string name = (data / (i < 10 ? "0" + std::to_string(i) : std::to_string(i))).string();
    write_image(name + ".png", all[i].picture);
    std::ofstream(name + ".txt") << all[i].caption << '\n';
  }

  TrainConfig config;
  config.from_scratch = true;
  config.dtype = "f32";
  config.data = data.string();
  config.schedule = "cosine";
  config.log_every = 1;
  config.checkpoint_every = 100000;
  config.task = Task::autoencoder;
  config.model = tiny_model().string();
  config.optimizer.learning_rate = 3e-3;
  config.stages = {{.steps = 350, .batch_size = 8, .resolutions = {kPictureSide}}};
  train(config, folder / "autoencoder");

  config.task = Task::transformer;
  config.model = (folder / "autoencoder" / "model").string();
  config.optimizer.learning_rate = 2e-3;
  config.flow.condition_dropout = 0;
  config.flow.position_crop = 0;
  config.flow.base_resolution = kPictureSide;
  config.stages = {{.steps = 700, .batch_size = 16, .resolutions = {kPictureSide}, .max_sequence_length = 8}};
  train(config, folder / "transformer");
  const auto [first, last] = losses_of(folder / "transformer", 30);
  std::printf("loss %.3f, then %.3f: a factor of %.1f\n", first, last, first / last);
  EXPECT_LT(last, first / 8);

  LoadOptions load;
  load.dtype = "f32";
  Pipeline pipeline = Pipeline::from_pretrained((folder / "transformer" / "model").string(), load);
  GenerateOptions options;
  options.width = options.height = kPictureSide;
  options.num_inference_steps = 20;
  options.guidance_scale = 1;
  options.max_sequence_length = 8;
  std::vector<Image> rows;
  double sum = 0;
  for (const Lesson& lesson : all) {
    options.prompt = lesson.caption;
    Picture picture = pipeline.generate(options).at(0);
    const Image drawn{picture.width, picture.height, std::move(picture.rgb)};
    sum += psnr(drawn, lesson.picture);
    const auto nearest =
        std::ranges::max_element(all, {}, [&](const Lesson& other) { return psnr(drawn, other.picture); });
    EXPECT_EQ(nearest->caption, lesson.caption);
    rows.push_back(lesson.picture);
    rows.push_back(drawn);
  }
  std::printf("mean PSNR %.1f dB\n", sum / static_cast<double>(all.size()));
  EXPECT_GT(sum / static_cast<double>(all.size()), 20);
  if (const char* file = std::getenv("SD35_OVERFIT_GRID")) write_image(file, grid_of(rows));
}

}  // namespace
}  // namespace sd35::train
