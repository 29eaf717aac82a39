// The T5 encoder learns to fill in what was hidden from captions.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>

#include "text/tokenizers/t5_tokenizer.h"
#include "train/objectives/objective.h"
#include "train/objectives/span_denoising.h"
#include "train/train_config.h"
#include "weights/model/model_files.h"

namespace sd35::train {

struct SignedText {
  std::string caption;
  std::vector<std::string> sign;  // the words on the sign in its picture
};

class SpanDenoisingObjective : public Objective {
 public:
  // Learns from config.t5.captions, one text per line (after a tab, what its sign says), and the captions of
  // config.data; one of them may be empty. Throws FileError when they, the configuration or the tokenizer
  // cannot be read, or there is no text.
  SpanDenoisingObjective(const TrainConfig& config, const ModelFiles& files, const OnMessage& warn);

  void parameters(const Parameters& p) override { encoder_.parameters(p); }
  // As in T5's own code: deviations of 1 for tokens and 1 / sqrt(inputs) elsewhere, less for queries.
  void initialize(const ParameterSpec& spec, std::span<float> values, SampleRandom random) const override;
  // Texts are padded as a prompt is, to the stage's max_sequence_length.
  PreparedBatch prepare(MicroBatch& batch, const StepRandom& random) override;
  // Figures: accuracy, the share of the hidden tokens that are predicted right; with place_weight edge_error,
  // as in SpanDenoisingLoss.
  at::Tensor loss(const Ops& ops, const PreparedBatch& batch,
                  std::map<std::string, double>& figures) override;
  // On the captions of config.validation_data.
  double validation_loss(const Ops& ops) override;
  void write(const std::filesystem::path& run, const std::map<std::string, Tensor>& weights) const override;

  std::unique_ptr<Batches> batches() const override;
  std::string name_of(std::int64_t sample) const override;

 private:
  void append(MaskedTexts& masked, const SignedText& text, int length, SampleRandom random) const;

  const TrainConfig& config_;
  ModelFiles files_;
  nlohmann::json json_;
  T5Encoder encoder_;
  T5Tokenizer tokenizer_;
  std::vector<std::int32_t> sentinels_;  // ids of <extra_id_0>, <extra_id_1>, ...
  LetterWidths widths_;
  std::vector<SignedText> texts_, validation_texts_;
};

}  // namespace sd35::train
