// What a random model consists of, and how it is written.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "random_models/random_weights.h"
#include "weights/layouts/component.h"
#include "weights/parameters.h"

namespace sd35 {

// A tensor of the diffusers layout. Its values depend on `key`, so another layout holds the same ones.
struct RandomTensor {
  std::string key;   // component and name: "transformer.proj_out.weight"
  std::string name;  // in its component
  Shape shape;
  ParameterKind kind = ParameterKind::linear;
};

// The tensors that `describe` visits, fused ones split.
std::vector<RandomTensor> list_tensors(Component component,
                                       const std::function<void(const Parameters&)>& describe);

// The rows of the positional table are meant for `centre` patches per side.
struct PositionTableSpec {
  std::int64_t side = 0;
  std::int64_t centre = 0;
};

// Everything a random model is made of.
struct RandomModel {
  std::map<Component, std::vector<RandomTensor>> components;
  PositionTableSpec position_table;
};

// The model that configurations describe; `configs` holds "transformer/config.json" and so on, at `location`.
RandomModel describe_model(const std::map<std::string, nlohmann::json>& configs, const std::string& location);

// Rows [first, first + count) of the first dimension of a tensor.
struct RandomRows {
  const RandomTensor* tensor = nullptr;
  std::int64_t first = 0;
  std::int64_t count = 0;
};

// A tensor of a file: rows of others, one after another.
struct RandomFileTensor {
  Shape shape;
  std::vector<RandomRows> rows;
};
using RandomFile = std::map<std::string, RandomFileTensor>;

// The tensors of one component as they are.
RandomFile component_file(const std::vector<RandomTensor>& tensors);
// All components in one file in the original layout (weights/layouts/aliases.h).
RandomFile single_file(const RandomModel& model);

// Writes files of random values, and reports the share of `total` elements that are done.
class RandomWriter {
 public:
  RandomWriter(const RandomModel& model, std::uint64_t seed, DType dtype, std::int64_t total,
               std::function<void(double fraction)> on_progress);
  // `path` must be new. `when_complete` is called before the file appears there.
  void write(const std::filesystem::path& path, const RandomFile& file,
             const std::map<std::string, std::string>& metadata = {},
             const std::function<void()>& when_complete = {});

 private:
  void fill(const RandomTensor& tensor, std::int64_t first, std::span<float> out) const;

  const RandomModel& model_;
  std::uint64_t seed_;
  DType dtype_;
  std::int64_t total_;
  std::int64_t done_ = 0;
  std::function<void(double)> on_progress_;
};

// Elements of all tensors.
std::int64_t element_count(const RandomModel& model);

}  // namespace sd35
