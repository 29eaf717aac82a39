#include "train/objectives/span_denoising_objective.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <sstream>

#include "core/error.h"
#include "core/file_reader.h"
#include "core/messages.h"
#include "data/dataset.h"
#include "train/model_folder.h"
#include "train/optimizers/initialization.h"
#include "train/samples/batches.h"

namespace sd35::train {
namespace {

constexpr int kSentinels = 100;
constexpr std::uint64_t kLargestCaptions = std::uint64_t{1} << 34;
constexpr std::size_t kValidationTexts = 64;

// A caption and, after a tab, what the sign in its picture says.
void read_lines(const std::string& path, std::vector<SignedText>& texts) {
  for_each_line(path, kLargestCaptions, [&](std::int64_t, std::string_view line) {
    const std::size_t tab = std::min(line.find('\t'), line.size());
    if (tab == 0) return;
    SignedText& text = texts.emplace_back(SignedText{std::string(line.substr(0, tab)), {}});
    std::istringstream words(std::string(line.substr(std::min(tab + 1, line.size()))));
    for (std::string word; words >> word;) text.sign.push_back(word);
  });
}

void read_captions(const std::string& path, const OnMessage& warn, std::vector<SignedText>& texts) {
  const auto dataset = Dataset::open(path, warn);
  dataset->check_captions(warn);
  for (std::int64_t sample = 0; sample < dataset->size(); ++sample)
    for (std::string& caption : dataset->captions(sample)) texts.push_back({std::move(caption), {}});
}

// Ids of <extra_id_0> and those that follow it, up to the first that is not a single token.
std::vector<std::int32_t> find_sentinels(const T5Tokenizer& tokenizer) {
  std::vector<std::int32_t> ids;
  for (int k = 0; k < kSentinels; ++k) {
    const std::vector<std::int32_t> tokens = tokenizer.encode("<extra_id_" + std::to_string(k) + ">");
    if (tokens.size() != 2) break;
    ids.push_back(tokens[0]);
  }
  return ids;
}

}  // namespace

SpanDenoisingObjective::SpanDenoisingObjective(const TrainConfig& config, const ModelFiles& files,
                                               const OnMessage& warn)
    : config_(config),
      files_(files),
      json_(files.config(Component::text_encoder_3)),
      encoder_(T5Config::from_json(json_, files.config_location(Component::text_encoder_3))),
      tokenizer_(T5Tokenizer::load(files.tokenizer(3))),
      sentinels_(find_sentinels(tokenizer_)) {
  if (sentinels_.empty())
    throw FileError(files.tokenizer(3).string() + ": there is no token <extra_id_0>, which hides others", {},
                    files.tokenizer(3));
  if (config.t5.place_weight > 0 && sentinels_.size() < std::size_t{kPlaceSentinels})
    throw FileError(files.tokenizer(3).string() + ": place_weight takes " + std::to_string(kPlaceSentinels) +
                        " tokens <extra_id_...>, not " + std::to_string(sentinels_.size()),
                    {}, files.tokenizer(3));
  if (tokenizer_.vocab_size() > encoder_.config().vocab_size)
    throw FileError(files.config_location(Component::text_encoder_3) + ": vocab_size is " +
                        std::to_string(encoder_.config().vocab_size) + ", but the tokenizer has " +
                        std::to_string(tokenizer_.vocab_size()) + " tokens",
                    {}, files.config_location(Component::text_encoder_3).file);
  if (!config.t5.letter_widths.empty()) widths_ = LetterWidths::read(config.t5.letter_widths);
  if (!config.t5.captions.empty()) read_lines(config.t5.captions, texts_);
  if (!config.data.empty()) read_captions(config.data, warn, texts_);
  if (texts_.empty())
    throw FileError((config.t5.captions.empty() ? config.data : config.t5.captions) + ": holds no text", {},
                    config.t5.captions.empty() ? config.data : config.t5.captions);
  if (!config.validation_data.empty()) read_captions(config.validation_data, warn, validation_texts_);
}

void SpanDenoisingObjective::initialize(const ParameterSpec& spec, std::span<float> values,
                                        SampleRandom random) const {
  const std::string& name = spec.names.front();
  if (spec.kind == ParameterKind::norm_scale) return initial_values(spec, values, random);
  const T5Config& config = encoder_.config();
  double deviation = 1 / std::sqrt(static_cast<double>(spec.shape[1]));
  if (name == "shared.weight") deviation = 1;
  if (name.ends_with("relative_attention_bias.weight"))
    deviation = 1 / std::sqrt(static_cast<double>(config.d_model));
  for (float& value : values) value = static_cast<float>(deviation) * random.normal();
  // Scores are not divided by sqrt(d): the queries, the first third of the fused projection, are smaller
  // instead.
  if (name.ends_with("SelfAttention.q.weight")) {
    const auto factor = static_cast<float>(1 / std::sqrt(static_cast<double>(config.d_kv)));
    for (float& value : values.first(values.size() / 3)) value *= factor;
  }
}

void SpanDenoisingObjective::append(MaskedTexts& masked, const SignedText& text, int length,
                                    SampleRandom random) const {
  const std::size_t tokens = tokenizer_.encode(text.caption).size() - 1;  // without the end of text
  const std::vector<std::int32_t> ids = tokenizer_.encode(text.caption, length).ids;
  const std::size_t count = std::min(tokens, ids.size() - 1);
  if (config_.t5.place_weight > 0) {
    std::vector<std::string> pieces;
    for (std::size_t i = 0; i < count; ++i) pieces.push_back(tokenizer_.text_of(ids[i]));
    append_word_places(masked, ids, pieces, widths_, text.sign);
  }
  append_masked(masked, ids, count, config_.t5.mask_ratio, sentinels_, random);
}

PreparedBatch SpanDenoisingObjective::prepare(MicroBatch& batch, const StepRandom& random) {
  const int length = sequence_length(config_.stages[batch.stage], tokenizer_.model_max_length());
  MaskedTexts masked;
  for (std::size_t i = 0; i < batch.samples.size(); ++i)
    append(masked, texts_.at(static_cast<std::size_t>(batch.samples[i])), length,
           random.sample(batch.first + static_cast<std::int64_t>(i)));
  return masked;
}

at::Tensor SpanDenoisingObjective::loss(const Ops& ops, const PreparedBatch& batch,
                                        std::map<std::string, double>& figures) {
  const auto& masked = std::any_cast<const MaskedTexts&>(batch);
  const SpanDenoisingLoss loss =
      span_denoising_loss(ops, encoder_, masked, config_.t5.place_weight, sentinels_);
  figures["accuracy"] = loss.accuracy;
  if (loss.edge_error) figures["edge_error"] = *loss.edge_error;
  return loss.total;
}

double SpanDenoisingObjective::validation_loss(const Ops& ops) {
  if (validation_texts_.empty()) return std::nan("");
  const c10::NoGradGuard no_history;
  const int length = sequence_length(config_.stages.back(), tokenizer_.model_max_length());
  MaskedTexts masked;
  for (std::size_t i = 0; i < std::min(kValidationTexts, validation_texts_.size()); ++i)
    append(masked, validation_texts_[i], length,
           SampleRandom(config_.seed, 0, static_cast<std::uint32_t>(i)));
  return span_denoising_loss(ops, encoder_, masked, config_.t5.place_weight, sentinels_).total.item<double>();
}

void SpanDenoisingObjective::write(const std::filesystem::path& run,
                                   const std::map<std::string, Tensor>& weights) const {
  write_weights(run / "model", Component::text_encoder_3, weights);
  write_rest(run / "model", files_.location(), Component::text_encoder_3, json_);
}

std::unique_ptr<Batches> SpanDenoisingObjective::batches() const {
  return text_batches(config_, static_cast<std::int64_t>(texts_.size()));
}

std::string SpanDenoisingObjective::name_of(std::int64_t sample) const {
  return in_quotes(texts_.at(static_cast<std::size_t>(sample)).caption);
}

}  // namespace sd35::train
