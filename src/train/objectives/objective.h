// What a training run optimizes: a model and its loss on a batch. One class per kind of model; the trainer
// uses only this interface.
#pragma once

#include <ATen/core/Tensor.h>

#include <any>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "image/image.h"
#include "ops/ops.h"
#include "sd35/sd35.h"
#include "train/samples/sample_random.h"
#include "weights/layouts/component.h"
#include "weights/parameters.h"
#include "weights/source.h"

namespace sd35::train {

// The part of one step's batch that one backward pass takes. Samples are numbered through the whole batch of
// the step, across micro-batches and processes, so that the division does not change random numbers.
struct MicroBatch {
  std::int64_t step = 0;
  std::int64_t first = 0;             // number of the first sample in the batch of the step
  std::vector<std::int64_t> samples;  // indices of the data set
  int width = 0, height = 0;          // of the pictures; 0 for texts
  std::size_t stage = 0;              // of the configuration
  // The sample to take if the one in a place of `samples` cannot be read.
  std::function<std::int64_t(std::int64_t place, int attempt)> replacement;
};

// Derived by each objective.
using PreparedBatch = std::any;

class Batches;
struct TrainConfig;

// A line for the person at the terminal.
using OnMessage = std::function<void(const std::string&)>;

class Objective {
 public:
  virtual ~Objective() = default;

  // Visits every weight that is trained, and those that are only used, under the names of its files.
  virtual void parameters(const Parameters& p) = 0;
  // Whether the weight is trained; others stay as they are loaded.
  virtual bool trains(const ParameterSpec& spec) const;
  // Whether the weight lies in the model's files; LoRA's own do not.
  virtual bool stored(const ParameterSpec& spec) const;
  // The value before training of a weight that is in no file.
  virtual void initialize(const ParameterSpec& spec, std::span<float> values, SampleRandom random) const;

  // What the loss of a micro-batch takes from the data and from frozen parts of the model, a pure function of
  // its arguments. Samples that cannot be read are replaced, in `batch` too. `random` returns the numbers of
  // one of its samples. May be called by several threads at once, ahead of time.
  virtual PreparedBatch prepare(MicroBatch& batch, const StepRandom& random) = 0;
  // Mean over the micro-batch that was prepared, f32 with history. Further figures for the log (without
  // history) may be left in `figures`.
  virtual at::Tensor loss(const Ops& ops, const PreparedBatch& batch,
                          std::map<std::string, double>& figures) = 0;
  // The loss on held-out data at fixed random numbers; NaN if there is none.
  virtual double validation_loss(const Ops& ops);
  // Further figures of the held-out data, by name; may be none.
  virtual std::map<std::string, double> validation_figures(const Ops& ops);

  // Pictures to look at, by the present weights; empty if it has none. Throws Cancelled if `callbacks` say
  // so.
  virtual std::vector<Image> samples(const Ops& ops, const Callbacks& callbacks);
  // Writes the result of the run into its folder: a component of a model, or a LoRA.
  virtual void write(const std::filesystem::path& run,
                     const std::map<std::string, Tensor>& weights) const = 0;

  // Which samples each step sees, and the name of one in messages.
  virtual std::unique_ptr<Batches> batches() const = 0;
  virtual std::string name_of(std::int64_t sample) const = 0;
};

// The part of the model that `config` trains; for task lora, the part that the updates are for.
Component trained_component(const TrainConfig& config);

// What `config` asks for. `run`: the folder of the run, for caches. Throws FileError when the model or the
// data cannot be read.
struct ObjectiveAndWeights {
  std::unique_ptr<Objective> objective;
  std::shared_ptr<const WeightSource> weights;  // null: from scratch
};
ObjectiveAndWeights make_objective(const TrainConfig& config, const std::filesystem::path& run,
                                   const OnMessage& warn);

}  // namespace sd35::train
