#include "random_models/tiny_configs.h"

#include <nlohmann/json.hpp>

#include "weights/model/model_index.h"

namespace sd35 {
namespace {

using Json = nlohmann::ordered_json;

Json clip_config(std::int64_t vocabulary, int hidden, int heads, int layers, const char* activation) {
  return {{"architectures", {"CLIPTextModelWithProjection"}},
          {"attention_dropout", 0.0},
          {"bos_token_id", 0},
          // As the released models have it, although the end of text is the last token: readers that know
          // the value 2 pool at the largest id.
          {"eos_token_id", 2},
          {"hidden_act", activation},
          {"hidden_size", hidden},
          {"initializer_factor", 1.0},
          {"initializer_range", 0.02},
          {"intermediate_size", 2 * hidden},
          {"layer_norm_eps", 1e-5},
          {"max_position_embeddings", 77},
          {"model_type", "clip_text_model"},
          {"num_attention_heads", heads},
          {"num_hidden_layers", layers},
          {"pad_token_id", 1},
          {"projection_dim", hidden},
          {"vocab_size", vocabulary}};
}

Json t5_config(std::int64_t vocabulary) {
  return {{"architectures", {"T5EncoderModel"}},
          {"d_ff", 256},
          {"d_kv", 16},
          {"d_model", 320},
          {"decoder_start_token_id", 0},
          {"dense_act_fn", "gelu_new"},
          {"dropout_rate", 0.1},
          {"eos_token_id", 1},
          {"feed_forward_proj", "gated-gelu"},
          {"initializer_factor", 1.0},
          {"is_encoder_decoder", true},
          {"is_gated_act", true},
          {"layer_norm_epsilon", 1e-6},
          {"model_type", "t5"},
          {"num_decoder_layers", 2},
          {"num_heads", 4},
          {"num_layers", 2},
          {"pad_token_id", 0},
          {"relative_attention_max_distance", 128},
          {"relative_attention_num_buckets", 32},
          {"tie_word_embeddings", false},
          {"use_cache", true},
          {"vocab_size", vocabulary}};
}

Json transformer_config() {
  return {{"_class_name", "SD3Transformer2DModel"},
          {"attention_head_dim", 32},
          {"caption_projection_dim", 96},
          {"dual_attention_layers", {0, 1}},
          {"in_channels", 16},
          {"joint_attention_dim", 320},
          {"num_attention_heads", 3},
          {"num_layers", 4},
          {"out_channels", 16},
          {"patch_size", 2},
          {"pooled_projection_dim", 320},
          {"pos_embed_max_size", 96},
          {"qk_norm", "rms_norm"},
          {"sample_size", 32}};
}

Json vae_config() {
  const Json down(4, "DownEncoderBlock2D"), up(4, "UpDecoderBlock2D");
  return {{"_class_name", "AutoencoderKL"},
          {"act_fn", "silu"},
          {"block_out_channels", {32, 32, 64, 64}},
          {"down_block_types", down},
          {"force_upcast", true},
          {"in_channels", 3},
          {"latent_channels", 16},
          {"latents_mean", nullptr},
          {"latents_std", nullptr},
          {"layers_per_block", 2},
          {"norm_num_groups", 32},
          {"out_channels", 3},
          {"sample_size", 256},
          {"scaling_factor", 1.5305},
          {"shift_factor", 0.0609},
          {"up_block_types", up},
          {"use_post_quant_conv", false},
          {"use_quant_conv", false}};
}

}  // namespace

std::map<std::string, Json> tiny_configs(const VocabularySizes& vocabulary) {
  return {
      {"model_index.json", model_index()},
      {"scheduler/scheduler_config.json",
       {{"_class_name", "FlowMatchEulerDiscreteScheduler"}, {"num_train_timesteps", 1000}, {"shift", 3.0}}},
      {"text_encoder/config.json", clip_config(vocabulary.clip, 128, 2, 2, "quick_gelu")},
      {"text_encoder_2/config.json", clip_config(vocabulary.clip, 192, 3, 3, "gelu")},
      {"text_encoder_3/config.json", t5_config(vocabulary.t5)},
      {"transformer/config.json", transformer_config()},
      {"vae/config.json", vae_config()}};
}

}  // namespace sd35
