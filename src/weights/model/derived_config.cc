#include "weights/model/derived_config.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "core/error.h"
#include "core/messages.h"

namespace sd35 {
namespace {

// Shapes of a source by name.
class Shapes {
 public:
  explicit Shapes(const WeightSource& weights) : weights_(weights), names_(weights.names()) {}

  bool has(std::string_view name) const { return weights_.find(name) != nullptr; }

  // Throws FileError when there is no tensor of this name and rank.
  const Shape& at(const std::string& name, int rank) const {
    const StoredTensor* tensor = weights_.find(name);
    if (tensor == nullptr)
      throw FileError(weights_.location() + ": tensor " + in_quotes(name) +
                          " is missing, from which the sizes of the model follow",
                      {}, weights_.location());
    if (tensor->shape.rank() != rank || tensor->shape.numel() == 0)
      fail(name, "it must have " + std::to_string(rank) + " dimensions, none of them 0");
    return tensor->shape;
  }

  [[noreturn]] void fail(const std::string& name, const std::string& what) const {
    throw FileError(weights_.location() + ": tensor " + in_quotes(name) + " of shape " +
                        weights_.find(name)->shape.to_string() + ": " + what,
                    {}, weights_.location());
  }

  // How many different numbers follow `prefix`: layers, blocks, levels.
  std::int64_t count(const std::string& prefix) const {
    std::set<std::string_view> numbers;
    for (auto it = std::ranges::lower_bound(names_, prefix); it != names_.end() && it->starts_with(prefix);
         ++it) {
      const std::string_view rest = std::string_view(*it).substr(prefix.size());
      numbers.insert(rest.substr(0, rest.find('.')));
    }
    return static_cast<std::int64_t>(numbers.size());
  }

 private:
  const WeightSource& weights_;
  std::vector<std::string> names_;
};

// One head per 64 of the width.
std::int64_t guessed_heads(const Shapes& shapes, const std::string& table, std::int64_t width) {
  constexpr std::int64_t kHead = 64;
  if (width % kHead != 0)
    shapes.fail(table,
                "its width is not a multiple of a head of 64, and no configuration says how many heads "
                "there are; name the folder with its config.json");
  return width / kHead;
}

nlohmann::json transformer_shown(const Shapes& shapes) {
  const Shape& patches = shapes.at("pos_embed.proj.weight", 4);  // [D, C, patch, patch]
  const std::int64_t width = patches[0], patch = patches[2];
  if (patches[3] != patch) shapes.fail("pos_embed.proj.weight", "its patches are not square");
  const std::string table = "pos_embed.pos_embed";
  const std::int64_t rows = shapes.at(table, 3)[1];  // [1, side^2, D]
  const auto side = static_cast<std::int64_t>(std::llround(std::sqrt(static_cast<double>(rows))));
  if (side * side != rows) shapes.fail(table, "its positions do not form a square");

  const std::int64_t layers = shapes.count("transformer_blocks.");
  nlohmann::json dual = nlohmann::json::array();
  for (std::int64_t i = 0; i < layers; ++i)
    if (shapes.has("transformer_blocks." + std::to_string(i) + ".attn2.to_q.weight")) dual.push_back(i);

  const Shape& context = shapes.at("context_embedder.weight", 2);
  nlohmann::json shown = {
      {"patch_size", patch},
      {"in_channels", patches[1]},
      {"out_channels", shapes.at("proj_out.weight", 2)[0] / (patch * patch)},
      {"num_layers", layers},
      {"joint_attention_dim", context[1]},
      {"caption_projection_dim", context[0]},
      {"pooled_projection_dim", shapes.at("time_text_embed.text_embedder.linear_1.weight", 2)[1]},
      {"pos_embed_max_size", side},
      {"dual_attention_layers", dual},
      {"qk_norm", nullptr}};
  const std::string norm = "transformer_blocks.0.attn.norm_q.weight";
  if (shapes.has(norm)) {
    const std::int64_t head = shapes.at(norm, 1)[0];
    if (width % head != 0)
      shapes.fail("pos_embed.proj.weight",
                  "its width is not a multiple of a head of " + std::to_string(head));
    shown.update(
        {{"qk_norm", "rms_norm"}, {"attention_head_dim", head}, {"num_attention_heads", width / head}});
  }
  return shown;
}

nlohmann::json transformer_guess(const Shapes& shapes, const nlohmann::json& shown) {
  nlohmann::json guess = {{"_class_name", "SD3Transformer2DModel"}, {"sample_size", 128}};
  if (shown.contains("attention_head_dim")) return guess;
  const std::int64_t heads =
      guessed_heads(shapes, "pos_embed.proj.weight", shapes.at("pos_embed.proj.weight", 4)[0]);
  guess.update({{"num_attention_heads", heads}, {"attention_head_dim", 64}});
  return guess;
}

// Of the tiny autoencoder. A file may lack its encoder.
constexpr const char* kTinyDecoderLayers = "decoder.layers.";
constexpr const char* kTinyEncoderLayers = "encoder.layers.";

bool is_tiny_autoencoder(const Shapes& shapes) {
  return shapes.count(kTinyDecoderLayers) > 0 || shapes.count(kTinyEncoderLayers) > 0;
}

// How many blocks follow each convolution but the last. Layers without weights are numbered too.
nlohmann::json tiny_blocks(const Shapes& shapes, const std::string& layers) {
  constexpr int kMostLayers = 256;
  nlohmann::json blocks = nlohmann::json::array();
  for (int number = 0; number < kMostLayers; ++number) {
    const std::string layer = layers + std::to_string(number);
    if (shapes.has(layer + ".weight"))
      blocks.push_back(0);
    else if (shapes.has(layer + ".conv.0.weight") && !blocks.empty())
      blocks.back() = blocks.back().get<int>() + 1;
  }
  if (!blocks.empty()) blocks.erase(blocks.size() - 1);
  return blocks;
}

nlohmann::json tiny_autoencoder_shown(const Shapes& shapes) {
  const Shape& first = shapes.at(std::string(kTinyDecoderLayers) + "0.weight", 4);  // [width, C, 3, 3]
  const nlohmann::json blocks = tiny_blocks(shapes, kTinyDecoderLayers);
  const std::vector<std::int64_t> widths(blocks.size(), first[0]);
  const bool encodes = shapes.count(kTinyEncoderLayers) > 0;
  return {{"_class_name", "AutoencoderTiny"},
          {"in_channels", 3},
          {"out_channels", 3},
          {"latent_channels", first[1]},
          {"decoder_block_out_channels", widths},
          {"encoder_block_out_channels", widths},
          {"num_decoder_blocks", blocks},
          {"num_encoder_blocks", encodes ? tiny_blocks(shapes, kTinyEncoderLayers) : blocks}};
}

nlohmann::json tiny_autoencoder_guess() {
  return {{"act_fn", "relu"}, {"upsample_fn", "nearest"}, {"scaling_factor", 1.0}, {"shift_factor", 0.0}};
}

nlohmann::json vae_shown(const Shapes& shapes) {
  if (is_tiny_autoencoder(shapes)) return tiny_autoencoder_shown(shapes);
  nlohmann::json channels = nlohmann::json::array();
  const std::int64_t levels = shapes.count("encoder.down_blocks.");
  for (std::int64_t i = 0; i < levels; ++i)
    channels.push_back(
        shapes.at("encoder.down_blocks." + std::to_string(i) + ".resnets.0.conv1.weight", 4)[0]);
  return {{"in_channels", shapes.at("encoder.conv_in.weight", 4)[1]},
          {"out_channels", shapes.at("decoder.conv_out.weight", 4)[0]},
          {"latent_channels", shapes.at("decoder.conv_in.weight", 4)[1]},
          {"block_out_channels", channels},
          {"layers_per_block", shapes.count("encoder.down_blocks.0.resnets.")},
          {"use_quant_conv", shapes.has("quant_conv.weight")},
          {"use_post_quant_conv", shapes.has("post_quant_conv.weight")}};
}

nlohmann::json vae_guess(const Shapes& shapes) {
  if (is_tiny_autoencoder(shapes)) return tiny_autoencoder_guess();
  return {
      {"_class_name", "AutoencoderKL"}, {"norm_num_groups", 32}, {"act_fn", "silu"}, {"sample_size", 1024},
      {"scaling_factor", 1.5305},       {"shift_factor", 0.0609}};
}

nlohmann::json clip_shown(const Shapes& shapes) {
  const Shape& tokens = shapes.at("text_model.embeddings.token_embedding.weight", 2);  // [vocabulary, width]
  const std::string projection = "text_projection.weight";
  return {{"vocab_size", tokens[0]},
          {"hidden_size", tokens[1]},
          {"num_hidden_layers", shapes.count("text_model.encoder.layers.")},
          {"intermediate_size", shapes.at("text_model.encoder.layers.0.mlp.fc1.weight", 2)[0]},
          {"max_position_embeddings", shapes.at("text_model.embeddings.position_embedding.weight", 2)[0]},
          {"projection_dim", shapes.has(projection) ? shapes.at(projection, 2)[0] : tokens[1]}};
}

nlohmann::json clip_guess(const Shapes& shapes, const std::string& activation) {
  const std::string table = "text_model.embeddings.token_embedding.weight";
  return {{"architectures", {"CLIPTextModelWithProjection"}},
          {"num_attention_heads", guessed_heads(shapes, table, shapes.at(table, 2)[1])},
          {"hidden_act", activation},
          {"layer_norm_eps", 1e-5}};
}

nlohmann::json t5_shown(const Shapes& shapes) {
  const Shape& tokens = shapes.at("shared.weight", 2);  // [vocabulary, width]
  const std::string attention = "encoder.block.0.layer.0.SelfAttention.";
  const Shape& buckets = shapes.at(attention + "relative_attention_bias.weight", 2);  // [buckets, heads]
  const std::int64_t inner = shapes.at(attention + "q.weight", 2)[0];
  if (inner % buckets[1] != 0)
    shapes.fail(attention + "q.weight", "its rows do not divide by " + std::to_string(buckets[1]) + " heads");
  return {{"vocab_size", tokens[0]},
          {"d_model", tokens[1]},
          {"d_kv", inner / buckets[1]},
          {"d_ff", shapes.at("encoder.block.0.layer.1.DenseReluDense.wi_0.weight", 2)[0]},
          {"num_layers", shapes.count("encoder.block.")},
          {"num_heads", buckets[1]},
          {"relative_attention_num_buckets", buckets[0]}};
}

nlohmann::json t5_guess() {
  return {{"architectures", {"T5EncoderModel"}},
          {"relative_attention_max_distance", 128},
          {"layer_norm_epsilon", 1e-6},
          {"feed_forward_proj", "gated-gelu"},
          {"is_gated_act", true},
          {"dense_act_fn", "gelu_new"}};
}

nlohmann::json shown_config(Component component, const Shapes& shapes) {
  switch (component) {
    case Component::text_encoder:
    case Component::text_encoder_2:
      return clip_shown(shapes);
    case Component::text_encoder_3:
      return t5_shown(shapes);
    case Component::transformer:
      return transformer_shown(shapes);
    case Component::vae:
      return vae_shown(shapes);
  }
  throw Error("an unknown component");
}

nlohmann::json guess_config(Component component, const Shapes& shapes, const nlohmann::json& shown) {
  switch (component) {
    case Component::text_encoder:
      return clip_guess(shapes, "quick_gelu");
    case Component::text_encoder_2:
      return clip_guess(shapes, "gelu");
    case Component::text_encoder_3:
      return t5_guess();
    case Component::transformer:
      return transformer_guess(shapes, shown);
    case Component::vae:
      return vae_guess(shapes);
  }
  throw Error("an unknown component");
}

// Keys that mean something when they are missing; null counts as missing.
nlohmann::json value_of(const nlohmann::json& config, const std::string& key,
                        const nlohmann::json& otherwise) {
  const auto found = config.find(key);
  if (found != config.end() && !found->is_null()) return *found;
  if (key == "qk_norm") return nullptr;
  return key == "dual_attention_layers" ? nlohmann::json::array() : otherwise;
}

// A value in a message, of bounded length.
std::string brief(const nlohmann::json& value) {
  constexpr std::size_t kLongest = 60;
  const std::string text = value.dump(-1, ' ', true);
  return text.size() > kLongest ? text.substr(0, kLongest) + "..." : text;
}

// "'d_ff' is 20 instead of 40", for the keys of `actual` that `said` contradicts.
ProblemList differences(const nlohmann::json& actual, const nlohmann::json& said) {
  ProblemList list;
  for (const auto& [key, value] : actual.items()) {
    const nlohmann::json other = value_of(said, key, value);
    // Only the sizes matter here, not which class the configuration names.
    if (other != value && key != "_class_name" && key != "architectures")
      list.add("'" + key + "' is " + brief(value) + " instead of " + brief(other));
  }
  return list;
}

}  // namespace

nlohmann::json derive_config(Component component, const WeightSource& weights) {
  const Shapes shapes(weights);
  nlohmann::json config = shown_config(component, shapes);
  config.update(guess_config(component, shapes, config));
  return config;
}

FittedConfig fit_config(Component component, const WeightSource& weights, const nlohmann::json& said,
                        const std::string& said_by) {
  const Shapes shapes(weights);
  // What is said of another network means nothing for this one.
  const bool said_tiny = said.value("_class_name", "") == "AutoencoderTiny";
  if (component == Component::vae && said_tiny != is_tiny_autoencoder(shapes))
    return {derive_config(component, weights), false, ""};
  const nlohmann::json shown = shown_config(component, shapes);
  const ProblemList other_shapes = differences(shown, said);
  if (other_shapes.count() == 0) return {said, true, ""};
  FittedConfig fitted{shown, false, ""};
  const nlohmann::json guess = guess_config(component, shapes, shown);
  fitted.json.update(guess);
  const ProblemList guessed = differences(guess, said);
  if (guessed.count() > 0)
    fitted.doubt = weights.location() + ": it is not what " + said_by + " describes (" + other_shapes.text() +
                   "), so what its shapes do not show is taken from Stable Diffusion 3.5: " + guessed.text();
  return fitted;
}

nlohmann::json default_scheduler_config() {
  return {{"_class_name", "FlowMatchEulerDiscreteScheduler"}, {"num_train_timesteps", 1000}, {"shift", 3.0}};
}

}  // namespace sd35
