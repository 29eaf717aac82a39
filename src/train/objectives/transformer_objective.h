// MMDiT-X learns to denoise: the published recipe of Stable Diffusion 3 and 3.5.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <span>
#include <vector>

#include "data/buckets.h"
#include "mmdit/transformer.h"
#include "sampling/sigmas.h"
#include "sd35/sd35.h"
#include "train/objectives/flow_matching.h"
#include "train/objectives/letter_layer.h"
#include "train/objectives/letter_validation.h"
#include "train/objectives/objective.h"
#include "train/samples/conditioned_pictures.h"
#include "train/samples/window.h"
#include "train/train_config.h"

namespace sd35::train {

class TransformerObjective : public Objective {
 public:
  // Throws FileError when the model or the data cannot be read.
  TransformerObjective(const TrainConfig& config, const ModelFiles& files, const std::filesystem::path& cache,
                       const OnMessage& warn);

  void parameters(const Parameters& p) override;
  bool stored(const ParameterSpec& spec) const override;
  void initialize(const ParameterSpec& spec, std::span<float> values, SampleRandom random) const override;
  PreparedBatch prepare(MicroBatch& batch, const StepRandom& random) override;
  at::Tensor loss(const Ops& ops, const PreparedBatch& batch,
                  std::map<std::string, double>& figures) override;
  double validation_loss(const Ops& ops) override;
  std::map<std::string, double> validation_figures(const Ops& ops) override;
  std::vector<Image> samples(const Ops& ops, const Callbacks& callbacks) override;
  void write(const std::filesystem::path& run, const std::map<std::string, Tensor>& weights) const override;
  std::unique_ptr<Batches> batches() const override;
  std::string name_of(std::int64_t sample) const override { return pictures_.dataset().name_of(sample); }

 protected:
  Transformer& transformer() { return transformer_; }

 private:
  // Throws ArgumentError for a size that the model cannot draw.
  void check_sizes() const;
  void check_route(const Stage& part) const;
  void check_size(const Stage& part, int resolution, const Bucket& bucket) const;
  GenerateOptions sample_options() const;
  TokenGrid token_grid(ImageSize picture) const;
  double shift_of(const MicroBatch& batch) const;
  // A sample of the batch, and where it has text if that matters; `sample` becomes another if its files
  // cannot be read.
  FittedPicture fitted(const MicroBatch& batch, std::int64_t place, bool flip, std::int64_t& sample,
                       Annotation& annotation);
  // Embeddings of the captions, cut after the longest of them or not.
  PromptEmbedding embedded(std::span<const std::string> captions, const Stage& settings, bool trimmed);
  // Whether the letter loss counts at the step.
  bool tells_letters(std::int64_t step) const;
  LetterTargets letter_targets(std::span<const Annotation> annotations, std::span<const TokenWindow> windows,
                               int token_side) const;
  Tensor on_device(Tensor x) const;

  const TrainConfig& config_;
  nlohmann::json transformer_json_;
  Transformer transformer_;
  SchedulerConfig scheduler_;
  ModelFiles files_;
  ConditionedPictures pictures_;
  LetterLayer letter_layer_;
  std::unique_ptr<ConditionedPictures> validation_;  // null: none
  std::unique_ptr<LetterValidation> letter_validation_;
  OnMessage warn_;
  std::mutex mutex_;                   // guards unreadable_
  std::set<std::int64_t> unreadable_;  // samples that were reported
};

}  // namespace sd35::train
