// A few steps of training by hand: what the tests of objectives share.
#pragma once

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "image/image_file.h"
#include "ops/torch/torch_ops.h"
#include "train/optimizers/adamw.h"
#include "train/optimizers/parameter_store.h"

namespace sd35::train {

// What prepare() makes of a batch that is not used afterwards.
inline PreparedBatch prepare_batch(Objective& objective, MicroBatch batch, const StepRandom& random) {
  return objective.prepare(batch, random);
}

struct Learned {
  std::vector<double> losses;             // of each step
  std::map<std::string, double> figures;  // of the last one
  std::map<std::string, Tensor> weights;
};

// Trains from nothing with the whole batch at every step. Every gradient must be finite, and every weight
// must have had one that is not zero.
inline Learned learn(Objective& objective, MicroBatch batch, int steps, double learning_rate,
                     std::uint64_t seed = 1) {
  const auto ops = make_torch_ops(DType::f32);
  ParameterStore store(objective, nullptr, *ops, seed, "cpu");
  AdamW optimizer({.learning_rate = learning_rate}, store.values());
  Learned learned;
  at::Tensor reached = at::zeros_like(store.values());
  for (batch.step = 0; batch.step < steps; ++batch.step) {
    store.zero_gradients();
    at::Tensor loss =
        objective.loss(*ops, objective.prepare(batch, StepRandom(seed, batch.step)), learned.figures);
    loss.backward();
    EXPECT_TRUE(store.gradients().isfinite().all().item<bool>()) << "step " << batch.step;
    reached += store.gradients().abs();
    optimizer.step(store.values(), store.gradients(), 0, store.decayed_elements(), batch.step + 1,
                   learning_rate);
    learned.losses.push_back(loss.item<double>());
  }
  for (const StoredParameter& p : store.parameters())
    EXPECT_GT(reached.narrow(0, p.offset, p.spec.shape.numel()).max().item<double>(), 0)
        << p.spec.names.front();
  learned.weights = store.by_name(store.values());
  return learned;
}

inline double mean_of_last(const std::vector<double>& losses, std::size_t count) {
  double sum = 0;
  for (std::size_t i = losses.size() - count; i < losses.size(); ++i) sum += losses[i];
  return sum / static_cast<double>(count);
}

struct CaptionedColours {
  const char* caption;
  std::uint8_t left[3], right[3];
};
inline constexpr CaptionedColours kColours[] = {
    {"red left of blue", {230, 20, 30}, {20, 30, 220}},
    {"blue left of red", {20, 30, 220}, {230, 20, 30}},
    {"green left of white", {20, 200, 40}, {250, 250, 250}},
    {"white left of green", {250, 250, 250}, {20, 200, 40}},
    {"a black picture", {0, 0, 0}, {0, 0, 0}},
    {"a yellow picture", {240, 230, 20}, {240, 230, 20}},
    {"red left of black", {230, 20, 30}, {0, 0, 0}},
    {"black left of red", {0, 0, 0}, {230, 20, 30}},
};

// Pictures of side x side pixels in two halves, with captions.
inline void write_colours(const std::filesystem::path& folder, int side) {
  int number = 0;
  for (const CaptionedColours& colours : kColours) {
    Image image{side, side, {}};
    for (int y = 0; y < side; ++y)
      for (int x = 0; x < side; ++x)
        for (int c = 0; c < 3; ++c) image.rgb.push_back((x < side / 2 ? colours.left : colours.right)[c]);
    const std::string name = (folder / std::to_string(number++)).string();
    write_image(name + ".png", image);
    std::ofstream(name + ".txt") << colours.caption << '\n';
  }
}

// Samples 0 to count - 1.
inline MicroBatch first_samples(std::int64_t count, int side) {
  MicroBatch batch;
  for (std::int64_t i = 0; i < count; ++i) batch.samples.push_back(i);
  batch.width = batch.height = side;
  return batch;
}

}  // namespace sd35::train
