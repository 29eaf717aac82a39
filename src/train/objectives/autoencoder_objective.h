// The autoencoder learns to reconstruct pictures.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "train/objectives/autoencoder_loss.h"
#include "train/objectives/objective.h"
#include "train/samples/training_pictures.h"
#include "train/train_config.h"
#include "weights/model/model_files.h"

namespace sd35::train {

// What prepare() makes of a batch.
struct NoisyPictures {
  Tensor pictures;                   // [B, 3, Y, X]
  Tensor noise;                      // of the latents, normal, [B, C, Y / 8, X / 8]
  Tensor disturbance;                // of what is decoded, same shape; undefined: none
  std::optional<double> text_crops;  // share of the pictures that are crops about text; nothing: no crops
};

class AutoencoderObjective : public Objective {
 public:
  // Throws FileError when the configuration or the data cannot be read.
  AutoencoderObjective(const TrainConfig& config, const ModelFiles& files, const OnMessage& warn);

  void parameters(const Parameters& p) override;
  bool trains(const ParameterSpec& spec) const override;
  void initialize(const ParameterSpec& spec, std::span<float> values, SampleRandom random) const override;
  PreparedBatch prepare(MicroBatch& batch, const StepRandom& random) override;
  // Figures: reconstruction, kl, perceptual, each without its weight; if pictures are cropped, text_crops:
  // the share of the crops that lie about text.
  at::Tensor loss(const Ops& ops, const PreparedBatch& batch,
                  std::map<std::string, double>& figures) override;
  // With latents without noise.
  double validation_loss(const Ops& ops) override;
  // Pictures, each followed by its reconstruction.
  std::vector<Image> samples(const Ops& ops, const Callbacks& callbacks) override;
  // The component vae. After training from scratch its configuration has the measured mean and deviation of
  // the latents, by which the denoiser's are scaled; after fine-tuning it keeps its values, which an existing
  // denoiser expects.
  void write(const std::filesystem::path& run, const std::map<std::string, Tensor>& weights) const override;

  std::unique_ptr<Batches> batches() const override;
  std::string name_of(std::int64_t sample) const override { return pictures_.dataset().name_of(sample); }

 private:
  // Throws ArgumentError for crops larger than the pictures of their stage.
  void check_crops() const;
  int largest_side() const;
  AutoencoderLossOptions loss_options() const;

  const TrainConfig& config_;
  ModelFiles files_;
  nlohmann::json json_;
  VaeConfig vae_;
  VaeEncoder encoder_;
  VaeDecoder decoder_;
  // `write` measures latents of the pictures.
  mutable TrainingPictures pictures_;
  std::unique_ptr<TrainingPictures> validation_;  // null: none
};

}  // namespace sd35::train
