#include "text/prompt_encoder.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/error.h"
#include "core/messages.h"
#include "weights/load.h"

namespace sd35 {
namespace {

constexpr std::int64_t kClipTokens = 77;  // if the tokenizer does not say

// The distinct texts of a batch, and which of them each prompt has.
struct DistinctTexts {
  std::vector<std::string> texts;
  std::vector<std::int64_t> index;  // [B]

  explicit DistinctTexts(std::span<const std::string> all) {
    for (const std::string& text : all) {
      const auto found = std::ranges::find(texts, text);
      index.push_back(found - texts.begin());
      if (found == texts.end()) texts.push_back(text);
    }
  }
};

// The multiplications of a layer per token.
double layer_work(const ClipConfig& c) {
  return static_cast<double>(c.hidden_size) *
         static_cast<double>(4 * c.hidden_size + 2 * c.intermediate_size);
}

double layer_work(const T5Config& c) {
  return static_cast<double>(c.d_model) * static_cast<double>(4 * c.num_heads * c.d_kv + 3 * c.d_ff);
}

double all_work(const ClipConfig& c) { return layer_work(c) * c.num_hidden_layers; }
double all_work(const T5Config& c) { return layer_work(c) * c.num_layers; }

// The elements of the largest weight that `source` changes as it is read.
class LargestUpdatedWeight : public ParameterVisitor {
 public:
  explicit LargestUpdatedWeight(const WeightSource& source) : source_(source) {}
  void parameter(const ParameterSpec& spec, Tensor& /*tensor*/) override {
    if (source_.adjusts(spec.names)) elements = std::max(elements, spec.shape.numel());
  }
  std::int64_t elements = 0;

 private:
  const WeightSource& source_;
};

template <class Model, class Config>
std::int64_t largest_updated(const Config& config, const WeightSource& source) {
  LargestUpdatedWeight largest(source);
  Model(config).parameters(Parameters(largest));
  return largest.elements;
}

// target[b, first_token.., first_column..] = source[index[b]]: encoder outputs [U, T, D'] into the sequences.
void place(const Tensor& source, std::span<const std::int64_t> index, Tensor& target,
           std::int64_t first_token, std::int64_t first_column) {
  const std::int64_t tokens = source.dim(1), columns = source.dim(2);
  for (std::size_t b = 0; b < index.size(); ++b)
    for (std::int64_t t = 0; t < tokens; ++t) {
      const std::int64_t row = static_cast<std::int64_t>(b) * target.dim(1) + first_token + t;
      std::copy_n(source.data<float>() + (index[b] * tokens + t) * columns, columns,
                  target.data<float>() + row * target.dim(2) + first_column);
    }
}

// `text`, or its first characters.
std::string beginning(const std::string& text) {
  constexpr std::size_t kLongest = 40;
  if (text.size() <= kLongest) return in_quotes(text);
  std::size_t length = kLongest;
  while (length > 0 && (static_cast<unsigned char>(text[length]) & 0xc0) == 0x80) --length;  // of UTF-8
  return in_quotes(text.substr(0, length) + "...");
}

// A row of ids per text.
template <class Tokenizer>
Tensor tokenize(const Tokenizer& tokenizer, std::span<const std::string> texts, std::int64_t length,
                const std::function<void(const std::string& text, const Tokenized&)>& on_text) {
  Tensor ids({static_cast<std::int64_t>(texts.size()), length}, DType::i32);
  std::int32_t* row = ids.data<std::int32_t>();
  for (const std::string& text : texts) {
    const auto encoded = tokenizer.encode(text, static_cast<int>(length));
    std::ranges::copy(encoded.ids, row);
    row += length;
    on_text(text, encoded);
  }
  return ids;
}

void check_vocabulary(const Location& location, const std::filesystem::path& tokenizer, std::int64_t tokens,
                      std::int64_t rows) {
  if (tokens > rows)
    throw FileError(location + ": the tokenizer in " + in_quotes(tokenizer.string()) + " has " +
                        std::to_string(tokens) + " tokens, but the encoder only " + std::to_string(rows) +
                        " embeddings; they belong to different models",
                    {}, location.file);
}

}  // namespace

// Progress between the layers of all encoders.
class PromptEncoder::Progress {
 public:
  Progress(const EncodingCallbacks& callbacks, double all_work)
      : callbacks_(callbacks), all_work_(all_work) {}

  void done(double work) {
    work_done_ += work;
    if (callbacks_.on_progress) callbacks_.on_progress(work_done_ / all_work_);
  }
  // How much of a text `encoder` reads.
  void read(const std::string& encoder, const std::string& text, const Tokenized& tokens) {
    const auto known = std::ranges::find(texts_, text, &ReadText::text);
    ReadText& read = known == texts_.end() ? texts_.emplace_back(text) : *known;
    const bool cut = tokens.tokens > tokens.ids.size();
    if (cut && read.lost.empty()) read.lost = tokens.truncated;
    const std::string share =
        cut ? std::to_string(tokens.ids.size()) + " of " + std::to_string(tokens.tokens) + " tokens"
            : "all of it";
    // The CLIP encoders, which share a vocabulary, are named together.
    if (!read.shares.empty() && read.shares.back().second == share)
      read.shares.back().first += " and " + encoder;
    else
      read.shares.emplace_back(encoder, share);
    read.cut |= cut;
  }

  // One warning for each text that some encoder does not read to its end.
  void warn_of_cut_texts() const {
    for (const ReadText& text : texts_) {
      if (!text.cut || !callbacks_.on_warning) continue;
      std::string shares;
      for (const auto& [encoders, share] : text.shares)
        shares += (shares.empty() ? "" : ", ") + encoders + " read" +
                  (encoders.find(" and ") == encoders.npos ? "s " : " ") + share;
      callbacks_.on_warning("the prompt " + beginning(text.text) + " is cut: " + shares +
                            "; the cut begins at " + beginning(text.lost));
    }
  }

  // Loads a layer when its turn comes; the one before is dropped by then.
  template <class Layer, class Model>
  LayerProvider<Layer> streamed(const Model& model, Loader& loader) {
    return counted<Layer>(model, [&](int index) {
      auto layer = std::make_shared<Layer>();
      layer->parameters(model.config(), Model::layer_scope(Parameters(loader), index));
      return layer;
    });
  }

  // Counts a layer as done when the next one is asked for.
  template <class Layer, class Model>
  LayerProvider<Layer> counted(const Model& model, LayerProvider<Layer> layer) {
    return [this, &model, layer = std::move(layer)](int index) {
      if (index > 0) done(layer_work(model.config()));
      return layer(index);
    };
  }

 private:
  struct ReadText {
    explicit ReadText(std::string t) : text(std::move(t)) {}
    std::string text;
    std::vector<std::pair<std::string, std::string>> shares = {};  // encoders, and how much they read
    std::string lost = {};  // what the first that cuts it does not read
    bool cut = false;
  };

  const EncodingCallbacks& callbacks_;
  double all_work_;
  double work_done_ = 0;
  std::vector<ReadText> texts_;
};

PromptEncoder::Clip PromptEncoder::open_clip(const ModelFiles& files, Component encoder, int tokenizer) {
  const Location location = files.config_location(encoder);
  Clip clip{files.weights(encoder), ClipConfig::from_json(files.config(encoder), location),
            ClipTokenizer::load(files.tokenizer(tokenizer))};
  ClipTextModel model(clip.config);
  check_all_bound(*clip.weights, [&](const Parameters& p) { model.parameters(p); });
  check_vocabulary(location, files.tokenizer(tokenizer), clip.tokenizer.vocab_size(), clip.config.vocab_size);
  clip.tokens = clip.tokenizer.model_max_length() > 0 ? clip.tokenizer.model_max_length() : kClipTokens;
  if (clip.config.max_position_embeddings < clip.tokens)
    throw FileError(location + ": max_position_embeddings is " +
                        std::to_string(clip.config.max_position_embeddings) + "; prompts have " +
                        std::to_string(clip.tokens) + " tokens by the tokenizer in " +
                        in_quotes(files.tokenizer(tokenizer).string()),
                    {}, location.file);
  clip.config.projection_dim = pooled_width(clip.config, *clip.weights);
  return clip;
}

PromptEncoder::T5 PromptEncoder::open_t5(const ModelFiles& files) {
  constexpr Component kEncoder = Component::text_encoder_3;
  const Location location = files.config_location(kEncoder);
  T5 t5{files.weights(kEncoder), T5Config::from_json(files.config(kEncoder), location),
        T5Tokenizer::load(files.tokenizer(3))};
  T5Encoder model(t5.config);
  check_all_bound(*t5.weights, [&](const Parameters& p) { model.parameters(p); });
  check_vocabulary(location, files.tokenizer(3), t5.tokenizer.vocab_size(), t5.config.vocab_size);
  return t5;
}

PromptEncoder::PromptEncoder(const ModelFiles& files, bool use_t5)
    : clip_l_(open_clip(files, Component::text_encoder, 1)),
      clip_g_(open_clip(files, Component::text_encoder_2, 2)) {
  if (clip_l_.tokens != clip_g_.tokens)
    throw FileError("prompts have " + std::to_string(clip_l_.tokens) + " tokens for the tokenizer in " +
                        in_quotes(files.tokenizer(1).string()) + " and " + std::to_string(clip_g_.tokens) +
                        " for that in " + in_quotes(files.tokenizer(2).string()) +
                        "; their sequences lie side by side",
                    {}, files.tokenizer(2));
  if (use_t5) t5_ = open_t5(files);
}

EmbeddingLayout PromptEncoder::layout() const {
  return {clip_l_.tokens, clip_l_.config.hidden_size, clip_g_.config.hidden_size,
          clip_l_.config.projection_dim, clip_g_.config.projection_dim};
}

std::int64_t PromptEncoder::t5_tokens(std::string_view text) const {
  return t5_ ? static_cast<std::int64_t>(t5_->tokenizer.encode(text).size()) : 0;
}

std::int64_t PromptEncoder::t5_width() const { return t5_ ? t5_->config.d_model : 0; }

double PromptEncoder::largest_layer(DType compute_type) const {
  const double clip = std::max(layer_work(clip_l_.config), layer_work(clip_g_.config));
  return static_cast<double>(size_of(compute_type)) * std::max(clip, t5_ ? layer_work(t5_->config) : 0);
}

double PromptEncoder::all_layers(DType compute_type) const {
  return static_cast<double>(size_of(compute_type)) *
         (all_work(clip_l_.config) + all_work(clip_g_.config) + (t5_ ? all_work(t5_->config) : 0));
}

double PromptEncoder::largest_updated_weight() const {
  const std::int64_t clip = std::max(largest_updated<ClipTextModel>(clip_l_.config, *clip_l_.weights),
                                     largest_updated<ClipTextModel>(clip_g_.config, *clip_g_.weights));
  const std::int64_t t5 = t5_ ? largest_updated<T5Encoder>(t5_->config, *t5_->weights) : 0;
  return 4.0 * static_cast<double>(std::max(clip, t5));
}

std::int64_t PromptEncoder::largest_width() const {
  return t5_ ? t5_->config.d_ff : clip_g_.config.intermediate_size;
}

namespace {

// Reports progress before each tensor.
class StoppableLoader : public Loader {
 public:
  StoppableLoader(const WeightSource& source, const Ops& ops, const std::function<void()>& going_on)
      : Loader(source, ops, Reuse::once), going_on_(going_on) {}
  void parameter(const ParameterSpec& spec, Tensor& tensor) override {
    if (going_on_) going_on_();
    Loader::parameter(spec, tensor);
  }

 private:
  const std::function<void()>& going_on_;
};

}  // namespace

std::shared_ptr<const LoadedEncoders> PromptEncoder::load(const Ops& ops,
                                                          const std::function<void()>& going_on) const {
  auto loaded = std::make_shared<LoadedEncoders>(
      LoadedEncoders{ClipTextModel(clip_l_.config), ClipTextModel(clip_g_.config), std::nullopt});
  const auto load_into = [&](auto& model, const WeightSource& weights) {
    // As encode() loads them: other layouts would round differently.
    StoppableLoader loader(weights, ops, going_on);
    loader.expect([&](const Parameters& p) { model.parameters(p); });
    model.parameters(Parameters(loader));
  };
  load_into(loaded->clip_l, *clip_l_.weights);
  load_into(loaded->clip_g, *clip_g_.weights);
  if (t5_) load_into(loaded->t5.emplace(t5_->config), *t5_->weights);
  return loaded;
}

void PromptEncoder::encode_clip(const Ops& ops, const Clip& clip, const WeightSource& weights,
                                const ClipTextModel* loaded, const char* name,
                                std::span<const std::string> texts, std::int64_t hidden, std::int64_t pooled,
                                Progress& progress, PromptEmbedding& result) {
  const PartOfWork part(ops, name);
  const DistinctTexts distinct(texts);
  const Tensor ids =
      tokenize(clip.tokenizer, distinct.texts, clip.tokens,
               [&](const std::string& text, const Tokenized& tokens) { progress.read(name, text, tokens); });
  ClipOutput output;
  const std::int32_t end = clip.tokenizer.end_of_text();
  if (loaded != nullptr) {
    output = loaded->forward(ops, ids, end, progress.counted<ClipLayer>(*loaded, loaded->resident_layers()));
  } else {
    ClipTextModel model(clip.config);
    Loader loader(weights, ops, Reuse::once);
    loader.expect([&](const Parameters& p) { model.parameters(p); });
    model.outer_parameters(Parameters(loader));
    output = model.forward(ops, ids, end, progress.streamed<ClipLayer>(model, loader));
  }
  progress.done(layer_work(clip.config));
  place(output.hidden.to(DType::f32), distinct.index, result.tokens, 0, hidden);
  // A pooled vector is a sequence of one token.
  Tensor target = result.pooled.reshape({result.pooled.dim(0), 1, result.pooled.dim(1)});
  place(output.pooled.reshape({output.pooled.dim(0), 1, output.pooled.dim(1)}), distinct.index, target, 0,
        pooled);
}

void PromptEncoder::encode_t5(const Ops& ops, const T5& t5, const WeightSource& weights,
                              const T5Encoder* loaded, std::span<const std::string> texts, Progress& progress,
                              PromptEmbedding& result) const {
  const PartOfWork part(ops, "T5");
  const DistinctTexts distinct(texts);
  const std::int64_t clip_tokens = clip_l_.tokens, length = result.tokens.dim(1) - clip_tokens;
  const Tensor ids =
      tokenize(t5.tokenizer, distinct.texts, length,
               [&](const std::string& text, const Tokenized& tokens) { progress.read("T5", text, tokens); });
  Tensor hidden;  // [U, S, D]
  if (loaded != nullptr) {
    hidden = loaded->forward(ops, ids, progress.counted<T5Layer>(*loaded, loaded->resident_layers()));
  } else {
    T5Encoder model(t5.config);
    Loader loader(weights, ops, Reuse::once);
    loader.expect([&](const Parameters& p) { model.parameters(p); });
    model.outer_parameters(Parameters(loader));
    hidden = model.forward(ops, ids, progress.streamed<T5Layer>(model, loader));
  }
  progress.done(layer_work(t5.config));
  place(hidden, distinct.index, result.tokens, clip_tokens, 0);
}

PromptEmbedding PromptEncoder::encode(const Ops& ops, std::span<const PromptTexts> prompts,
                                      std::int64_t width, int max_sequence_length,
                                      const EncodingCallbacks& callbacks,
                                      const EncoderWeights& weights) const {
  const auto batch = static_cast<std::int64_t>(prompts.size());
  PromptEmbedding result;
  result.tokens = Tensor::zeros({batch, clip_l_.tokens + max_sequence_length, width});
  result.pooled = Tensor::zeros({batch, layout().pooled_width()});
  const auto texts = [&](std::string PromptTexts::*text) {
    std::vector<std::string> all;
    for (const PromptTexts& prompt : prompts) all.push_back(prompt.*text);
    return all;
  };
  Progress progress(callbacks,
                    all_work(clip_l_.config) + all_work(clip_g_.config) + (t5_ ? all_work(t5_->config) : 0));
  const LoadedEncoders* const loaded = weights.loaded.get();
  const auto changed = [&](Component encoder, const std::shared_ptr<const WeightSource>& source) {
    return weights.change ? weights.change(encoder, source) : source;
  };
  encode_clip(ops, clip_l_, *changed(Component::text_encoder, clip_l_.weights),
              loaded != nullptr ? &loaded->clip_l : nullptr, "CLIP-L", texts(&PromptTexts::clip_l), 0, 0,
              progress, result);
  encode_clip(ops, clip_g_, *changed(Component::text_encoder_2, clip_g_.weights),
              loaded != nullptr ? &loaded->clip_g : nullptr, "CLIP-G", texts(&PromptTexts::clip_g),
              clip_l_.config.hidden_size, clip_l_.config.projection_dim, progress, result);
  if (t5_)
    encode_t5(ops, *t5_, *changed(Component::text_encoder_3, t5_->weights),
              loaded != nullptr ? &*loaded->t5 : nullptr, texts(&PromptTexts::t5), progress, result);
  progress.warn_of_cut_texts();
  return result;
}

}  // namespace sd35
