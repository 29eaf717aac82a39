// What other programs put around the names of tensors, and beside the tensors of a component.
#include "weights/layouts/find_component.h"

#include "tests/unit/weights/checkpoint.h"
#include "weights/files/safetensors.h"
#include "weights/layouts/component_weights.h"
#include "weights/model/model_files.h"

namespace sd35 {
namespace {

namespace fs = std::filesystem;
using enum Component;

Tensors with_prefix(const std::string& prefix, const Tensors& tensors) {
  Tensors result;
  for (const auto& [name, tensor] : tensors) result[prefix + name] = tensor;
  return result;
}

class FindComponent : public testing::Test {
 protected:
  // Reads `tensors` as a file of `component` alone, and collects the warnings.
  std::shared_ptr<const WeightSource> read(Component component, const Tensors& tensors) {
    write_safetensors(path_, tensors);
    warnings_.clear();
    return component_weights(component, open_weight_file(path_), "x.safetensors",
                             [&](const std::string& warning) { warnings_.push_back(warning); });
  }

  // In both layouts, below whatever programs put before.
  void expect_found(Component component, const Tensors& file, const Tensors& expected) {
    for (const std::string prefix :
         {"", "model.diffusion_model.", "diffusion_model.", "model.", "transformer.", "module.", "_orig_mod.",
          "module._orig_mod.", "_orig_mod.module.model.diffusion_model.", "base_model.model.", "vae.",
          "first_stage_model.", "text_encoders.t5xxl.transformer.", "text_encoder.", "ema.",
          "anything.at.all."}) {
      // Prefixes that name the other CLIP are tested below.
      SCOPED_TRACE(prefix);
      if (component == text_encoder_2 && prefix == "text_encoder.") continue;
      expect_tensors(*read(component, with_prefix(prefix, file)), expected);
      EXPECT_TRUE(warnings_.empty());
      write_safetensors(path_, with_prefix(prefix, file));
      ModelParts extra;
      (component == transformer ? extra.transformer : extra.vae) = path_;
      if (component == transformer || component == vae) {
        const ModelFiles files = ModelFiles::open(path_.string());
        EXPECT_TRUE(files.has(component));
        expect_tensors(*files.weights(component), expected);
      }
    }
  }

  TemporaryFolder folder_;
  const fs::path path_ = folder_ / "x.safetensors";
  std::vector<std::string> warnings_;
  const TwoLayouts transformer_ = make_transformer(3, 2), vae_ = make_vae({2, 4});
  const Tensors clip_ = make_clip(64, 2, true), t5_ = make_t5();
};

TEST_F(FindComponent, Transformer) {
  expect_found(transformer, transformer_.original, transformer_.diffusers);
  expect_found(transformer, transformer_.diffusers, transformer_.diffusers);
}

TEST_F(FindComponent, Autoencoder) {
  expect_found(vae, vae_.original, vae_.diffusers);
  expect_found(vae, vae_.diffusers, vae_.diffusers);
}

TEST_F(FindComponent, Encoders) {
  expect_found(text_encoder, clip_, clip_);
  expect_found(text_encoder_2, clip_, clip_);
  expect_found(text_encoder_3, t5_, t5_);
}

TEST_F(FindComponent, WrappersInsideNames) {
  Tensors file;
  for (const auto& [name, tensor] : transformer_.diffusers) {
    std::string wrapped = "module." + name;
    if (const auto place = wrapped.find(".attn."); place != wrapped.npos)
      wrapped.insert(place + 1, "_orig_mod._checkpoint_wrapped_module.");
    file[wrapped] = tensor;
  }
  expect_tensors(*read(transformer, file), transformer_.diffusers);
  file["proj_out.bias"] = file.at("module.proj_out.bias");
  EXPECT_NE(file_error([&] { read(transformer, file); }).find("two tensors map to 'proj_out.bias'"),
            std::string::npos);
}

// As transformers 5 saves CLIPTextModel, and T5's encoder as a module of its own.
TEST_F(FindComponent, EncodersSavedWithoutTheirOuterLevel) {
  const auto without = [](const std::string& level, const Tensors& tensors) {
    Tensors result;
    for (const auto& [name, tensor] : tensors) {
      const bool inside = name.starts_with(level);
      result["module." + (inside ? name.substr(level.size()) : name)] = tensor;
    }
    return result;
  };
  expect_tensors(*read(text_encoder, without("text_model.", clip_)), clip_);
  expect_tensors(*read(text_encoder_3, without("encoder.", t5_)), t5_);
}

TEST_F(FindComponent, PipelinesInOneFile) {
  Tensors file;
  file.merge(with_prefix("transformer.", transformer_.diffusers));
  file.merge(with_prefix("vae.", vae_.diffusers));
  file.merge(with_prefix("text_encoder.", clip_));
  file.merge(with_prefix("text_encoder_2.", make_clip(32, 1, true)));
  file.merge(with_prefix("text_encoder_3.", t5_));
  write_safetensors(path_, file);
  const ModelFiles files = ModelFiles::open(path_.string());
  expect_tensors(*files.weights(transformer), transformer_.diffusers);
  expect_tensors(*files.weights(vae), vae_.diffusers);
  expect_tensors(*files.weights(text_encoder), clip_);  // by its name, although it is the wider one
  expect_tensors(*files.weights(text_encoder_3), t5_);
}

TEST_F(FindComponent, TwoClipsWithoutNamesAreToldByTheirWidths) {
  const Tensors narrow = make_clip(32, 1, true);
  Tensors file = with_prefix("a.", clip_);
  file.merge(with_prefix("b.", narrow));
  expect_tensors(*read(text_encoder, file), narrow);
  expect_tensors(*read(text_encoder_2, file), clip_);
}

TEST_F(FindComponent, TheOtherClipIsRefused) {
  const std::string message =
      file_error([&] { read(text_encoder, with_prefix("text_encoders.clip_g.transformer.", clip_)); });
  EXPECT_NE(message.find("it seems to hold CLIP-G (name it as --clip-g)"), std::string::npos) << message;
  EXPECT_NE(file_error([&] { read(text_encoder_2, make_clip(768, 1, true)); }).find("--clip-l"),
            std::string::npos);
  EXPECT_NE(file_error([&] { read(text_encoder, make_clip(1280, 1, true)); }).find("--clip-g"),
            std::string::npos);
}

TEST_F(FindComponent, TrainedWeightsRatherThanTheirAverage) {
  Tensors file = with_prefix("ema.", make_transformer(3, 2).diffusers);
  file.merge(with_prefix("model.", transformer_.diffusers));
  expect_tensors(*read(transformer, file), transformer_.diffusers);
  ASSERT_EQ(warnings_.size(), 1u);
  EXPECT_NE(warnings_[0].find("'ema.context_embedder.bias'"), std::string::npos);
}

TEST_F(FindComponent, WhatBelongsToNoPartIsLeftOutWithOneWarning) {
  const auto expect_left_out = [&](Component component, Tensors file, const Tensors& more,
                                   const Tensors& expected) {
    for (const auto& [name, tensor] : more) file[name] = tensor;
    expect_tensors(*read(component, file), expected);
    ASSERT_EQ(warnings_.size(), 1u);
    for (const auto& [name, tensor] : more) EXPECT_NE(warnings_[0].find("'" + name + "'"), std::string::npos);
  };
  expect_left_out(text_encoder, clip_,
                  {{"vision_model.embeddings.class_embedding", numbered({8})},
                   {"visual_projection.weight", numbered({4, 4})}},
                  clip_);
  expect_left_out(text_encoder_3, t5_,
                  {{"decoder.block.0.layer.0.SelfAttention.q.weight", numbered({4, 4})},
                   {"lm_head.weight", numbered({4, 4})},
                   {"spiece_model", Tensor::zeros({100}, DType::u8)}},
                  t5_);
  expect_left_out(transformer, transformer_.original,
                  {{"global_step", Tensor::zeros({}, DType::i64)},
                   {"model_ema.decay", numbered({})},
                   {"optimizer.state", numbered({5})}},
                  transformer_.diffusers);
  expect_left_out(vae, vae_.original, {{"loss.discriminator.main.0.weight", numbered({3, 3})}},
                  vae_.diffusers);
}

TEST_F(FindComponent, WhatNobodyBindsIsLeftOutWithoutAWord) {
  Tensors file = clip_;
  file["logit_scale"] = numbered({});
  file["text_model.embeddings.position_ids"] = Tensor::zeros({1, 7}, DType::i64);
  expect_tensors(*read(text_encoder, file), clip_);
  EXPECT_TRUE(warnings_.empty());
  Tensors marked = transformer_.diffusers;
  marked["transformer_blocks.0.attn.num_batches_tracked"] = Tensor::zeros({}, DType::i64);
  expect_tensors(*read(transformer, marked), transformer_.diffusers);
}

// A layer too many is another model: it stays for the model's own check.
TEST_F(FindComponent, WhatLiesInsideAPartStays) {
  for (const auto& [component, name] :
       std::map<Component, std::string>{{transformer, "transformer_blocks.3.attn.to_q.weight"},
                                        {vae, "decoder.extra.weight"},
                                        {text_encoder, "text_model.encoder.layers.2.mlp.fc1.weight"},
                                        {text_encoder_3, "encoder.block.2.layer.0.layer_norm.weight"}}) {
    Tensors file = component == transformer    ? transformer_.diffusers
                   : component == vae          ? vae_.diffusers
                   : component == text_encoder ? clip_
                                               : t5_;
    file[name] = numbered({4, 4});
    EXPECT_NE(read(component, file)->find(name), nullptr) << name;
    EXPECT_TRUE(warnings_.empty());
  }
}

TEST_F(FindComponent, OtherComponentsOfTheFileAreNoStrays) {
  Tensors file = single_file(transformer_, vae_, clip_, make_clip(128, 1, true), t5_);
  file["global_step"] = numbered({});
  for (const Component component : kComponents) {
    read(component, file);
    ASSERT_EQ(warnings_.size(), 1u);
    EXPECT_NE(warnings_[0].find(
                  "1 tensor that belongs to no part of Stable Diffusion 3.5 is left out: 'global_step'"),
              std::string::npos)
        << warnings_[0];
  }
}

TEST_F(FindComponent, SaysWhatAFileSeemsToHold) {
  const auto content = [&](const Tensors& tensors, Component component = transformer) {
    return file_error([&] { read(component, tensors); });
  };
  const auto expect = [](const std::string& message, const std::string& part) {
    EXPECT_NE(message.find(part), std::string::npos) << message;
  };
  expect(content(vae_.diffusers),
         "there is no transformer in it; it seems to hold an autoencoder (name it as --vae)");
  expect(content(transformer_.original, vae), "a transformer (name it as --transformer)");
  expect(content(t5_, text_encoder), "T5 (name it as --t5xxl)");
  expect(content({{"transformer.transformer_blocks.0.attn.to_q.lora_A.weight", numbered({4, 4})}}),
         "a LoRA (name it as --lora)");
  expect(content({{"lora_unet_joint_blocks_0_x_block_attn_qkv.lora_down.weight", numbered({4, 4})}}),
         "a LoRA");
  expect(content({{"transformer_blocks.0.attn.to_q.weight", numbered({4, 4})},
                  {"single_transformer_blocks.0.attn.to_q.weight", numbered({4, 4})}}),
         "a transformer of Flux");
  expect(content({{"model.diffusion_model.input_blocks.0.0.weight", numbered({4})}}), "a UNet");
  expect(content({{"a\nb", numbered({1})}}), "its tensors are called 'a\\x0ab'");
  expect(content({}), "no tensors at all");
}

TEST_F(FindComponent, QuantizationsThatAreNotReadAreNamed) {
  const auto message = [&](const std::string& suffix, const Tensor& tensor) {
    Tensors file = transformer_.diffusers;
    file["transformer_blocks.0.attn.to_q" + suffix] = tensor;
    return file_error([&] { read(transformer, file); });
  };
  const Tensor whole = Tensor::zeros({8, 8}, DType::i8);
  for (const auto& [suffix, name] :
       std::map<std::string, std::string>{{".SCB", "bitsandbytes int8"},
                                          {".weight._data", "quanto"},
                                          {".qweight", "GPTQ"},
                                          {".smooth_factor", "SVDQuant"},
                                          {".weight", "whole numbers of type i8"}}) {
    const std::string text = message(suffix, whole);
    EXPECT_NE(text.find("x.safetensors: quantized as " + name), std::string::npos) << text;
    EXPECT_NE(text.find("which is not read; fp8"), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace sd35
