// From texts to what the denoiser reads: three tokenizers, three encoders, one sequence.
// Reference: SD3 paper (arXiv 2403.03206) figure 2; diffusers pipeline_stable_diffusion_3.py, encode_prompt.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ops/ops.h"
#include "text/clip_text_model.h"
#include "text/t5_encoder.h"
#include "text/tokenizers/clip_tokenizer.h"
#include "text/tokenizers/t5_tokenizer.h"
#include "weights/model/model_files.h"

namespace sd35 {

// One prompt: a text for each encoder.
struct PromptTexts {
  std::string clip_l, clip_g, t5;

  bool operator==(const PromptTexts&) const = default;
};

// Where the encoders' parts of an embedding are.
struct EmbeddingLayout {
  std::int64_t clip_tokens = 77;
  std::int64_t clip_l_width = 0, clip_g_width = 0;    // of the tokens
  std::int64_t clip_l_pooled = 0, clip_g_pooled = 0;  // of the pooled vectors

  std::int64_t clip_width() const { return clip_l_width + clip_g_width; }
  std::int64_t pooled_width() const { return clip_l_pooled + clip_g_pooled; }
};

struct PromptEmbedding {
  Tensor tokens;  // [B, 77 + S, D] f32: CLIP tokens (both encoders side by side, zeros up to D), then T5's
  Tensor pooled;  // [B, P] f32: the pooled vectors of both CLIP encoders side by side
};

// What encode() reports to its caller; either may be empty.
struct EncodingCallbacks {
  std::function<void(double fraction)> on_progress;  // between layers; may throw Cancelled
  std::function<void(const std::string&)> on_warning;
};

// The encoders in memory.
struct LoadedEncoders {
  ClipTextModel clip_l, clip_g;
  std::optional<T5Encoder> t5;
};

// What is asked for besides the texts.
struct EncoderWeights {
  // From PromptEncoder::load(); null: layers are read when their turn comes.
  std::shared_ptr<const LoadedEncoders> loaded;
  // The weights of an encoder for this call, if not empty: adapters change them as they are read. Not
  // together with `loaded`.
  std::function<std::shared_ptr<const WeightSource>(Component, std::shared_ptr<const WeightSource>)> change;
};

// Weights are mapped, not loaded: encode() reads each layer when its turn comes and drops it after, so the
// encoders never take more memory than one layer and the activations, unless they were loaded before. Safe to
// use from several threads.
class PromptEncoder {
 public:
  // Reads configurations and tokenizers and checks that every tensor is bound. Without `use_t5` the third
  // encoder is not opened and its part of the embedding is zeros. Throws FileError.
  PromptEncoder(const ModelFiles& files, bool use_t5);

  bool has_t5() const { return t5_.has_value(); }
  EmbeddingLayout layout() const;
  // The width of T5; 0 without it.
  std::int64_t t5_width() const;
  // The most tokens T5 takes, by its tokenizer's files; 0 without T5 or if they do not say.
  std::int64_t t5_max_length() const { return t5_ ? t5_->tokenizer.model_max_length() : 0; }
  // T5 tokens that a text has, its end included, however long; 0 without T5.
  std::int64_t t5_tokens(std::string_view text) const;
  // For an estimate of memory: bytes of the largest layer that encode() loads, and of all that load() does,
  // with weights as `compute_type`, and the width of the widest activation.
  double largest_layer(DType compute_type) const;
  double all_layers(DType compute_type) const;
  std::int64_t largest_width() const;
  // Also for an estimate: bytes of the largest weight that is changed as it is read
  // (WeightSource::adjusted()), in f32.
  double largest_updated_weight() const;

  // All layers of all encoders, for encode(): same results, without reading anything. Calls `going_on` from
  // time to time; it may throw to stop.
  std::shared_ptr<const LoadedEncoders> load(const Ops& ops,
                                             const std::function<void()>& going_on = {}) const;

  // All prompts in one batch; D = `width`, S = `max_sequence_length`. Every distinct text is encoded once.
  PromptEmbedding encode(const Ops& ops, std::span<const PromptTexts> prompts, std::int64_t width,
                         int max_sequence_length, const EncodingCallbacks& callbacks = {},
                         const EncoderWeights& weights = {}) const;

 private:
  struct Clip {
    std::shared_ptr<const WeightSource> weights;
    ClipConfig config;
    ClipTokenizer tokenizer;
    std::int64_t tokens = 0;  // of a prompt
  };
  struct T5 {
    std::shared_ptr<const WeightSource> weights;
    T5Config config;
    T5Tokenizer tokenizer;
  };
  class Progress;

  static Clip open_clip(const ModelFiles& files, Component encoder, int tokenizer);
  static T5 open_t5(const ModelFiles& files);
  // Writes the encoder's part of `result`: hidden states from column `hidden`, pooled ones from `pooled`.
  static void encode_clip(const Ops& ops, const Clip& clip, const WeightSource& weights,
                          const ClipTextModel* loaded, const char* name, std::span<const std::string> texts,
                          std::int64_t hidden, std::int64_t pooled, Progress& progress,
                          PromptEmbedding& result);
  void encode_t5(const Ops& ops, const T5& t5, const WeightSource& weights, const T5Encoder* loaded,
                 std::span<const std::string> texts, Progress& progress, PromptEmbedding& result) const;

  Clip clip_l_, clip_g_;
  std::optional<T5> t5_;
};

}  // namespace sd35
