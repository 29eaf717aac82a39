// A CLIP text encoder (CLIP-L's or CLIP-G's place) learns which caption belongs to which picture.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>

#include "text/clip_text_model.h"
#include "text/tokenizers/clip_tokenizer.h"
#include "train/objectives/clip_pair.h"
#include "train/objectives/objective.h"
#include "train/samples/training_pictures.h"
#include "train/train_config.h"
#include "weights/model/model_files.h"

namespace sd35::train {

// A picture is compared only with the captions of its own micro-batch, so accumulation and processes make
// batches of pairs smaller, not larger.
class ClipPairObjective : public Objective {
 public:
  // Trains the component that config.clip.component names. Throws FileError when the configuration, the
  // tokenizer or the data cannot be read.
  ClipPairObjective(const TrainConfig& config, const ModelFiles& files, const OnMessage& warn);

  // The text encoder's, and "image_tower.*" and "logit_scale", which no file holds.
  void parameters(const Parameters& p) override;
  bool stored(const ParameterSpec& spec) const override;
  void initialize(const ParameterSpec& spec, std::span<float> values, SampleRandom random) const override;
  PreparedBatch prepare(MicroBatch& batch, const StepRandom& random) override;
  // Figures: accuracy, the share of the captions whose picture is the nearest.
  at::Tensor loss(const Ops& ops, const PreparedBatch& batch,
                  std::map<std::string, double>& figures) override;
  double validation_loss(const Ops& ops) override;
  // The text encoder.
  void write(const std::filesystem::path& run, const std::map<std::string, Tensor>& weights) const override;

  std::unique_ptr<Batches> batches() const override;
  std::string name_of(std::int64_t sample) const override { return pictures_.dataset().name_of(sample); }

 private:
  ContrastiveLoss compare(const Ops& ops, const Tensor& pictures,
                          const std::vector<std::string>& captions) const;

  const TrainConfig& config_;
  ModelFiles files_;
  Component component_;
  nlohmann::json json_;
  ClipTextModel text_;
  ClipTokenizer tokenizer_;
  ImageTower image_tower_;
  Tensor logit_scale_;  // [1]
  TrainingPictures pictures_;
  std::unique_ptr<TrainingPictures> validation_;  // null: none
};

}  // namespace sd35::train
