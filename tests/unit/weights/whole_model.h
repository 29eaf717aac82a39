// A whole model of small tensors in the diffusers layout, for tests of where its parts lie.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/unit/weights/checkpoint.h"
#include "weights/files/safetensors.h"
#include "weights/model/model_files.h"

namespace sd35 {

class WholeModel : public testing::Test {
 protected:
  // A whole model in the diffusers layout.
  void make_folder(const std::filesystem::path& folder) {
    put(folder / "model_index.json", R"({"_class_name": "StableDiffusion3Pipeline"})");
    put(folder / "scheduler/scheduler_config.json", R"({"shift": 2.0})");
    for (const std::string name : {"transformer", "vae", "text_encoder", "text_encoder_2", "text_encoder_3"})
      put(folder / name / "config.json", "{\"name\": \"" + name + "\"}");
    write_safetensors(folder / "transformer/diffusion_pytorch_model.safetensors", transformer_.diffusers);
    write_safetensors(folder / "vae/diffusion_pytorch_model.safetensors", vae_.diffusers);
    write_safetensors(folder / "text_encoder/model.safetensors", clip_l_);
    write_safetensors(folder / "text_encoder_2/model.safetensors", clip_g_);
    write_safetensors(folder / "text_encoder_3/model.safetensors", t5_);
    make_tokenizers(folder);
  }

  void make_tokenizers(const std::filesystem::path& folder) {
    for (const std::string name : {"tokenizer", "tokenizer_2"})
      for (const std::string file : {"vocab.json", "merges.txt"}) put(folder / name / file, "");
    put(folder / "tokenizer_3/spiece.model", "");
  }

  static void put(const std::filesystem::path& path, const std::string& text) {
    std::filesystem::create_directories(path.parent_path());
    put_file(path, text);
  }

  void expect_whole_model(const ModelFiles& files) {
    expect_tensors(*files.weights(Component::transformer), transformer_.diffusers);
    expect_tensors(*files.weights(Component::vae), vae_.diffusers);
    expect_tensors(*files.weights(Component::text_encoder), clip_l_);
    expect_tensors(*files.weights(Component::text_encoder_2), clip_g_);
    expect_tensors(*files.weights(Component::text_encoder_3), t5_);
    EXPECT_EQ(files.missing_to_generate(), "");
  }

  void expect_error(const std::string& message, const std::vector<std::string>& parts) {
    for (const std::string& part : parts) EXPECT_NE(message.find(part), std::string::npos) << message;
  }

  TemporaryFolder folder_;
  TwoLayouts transformer_ = make_transformer(3, 2), vae_ = make_vae({2, 4});
  Tensors clip_l_ = make_clip(64, 2, false), clip_g_ = make_clip(128, 1, true), t5_ = make_t5();
};

}  // namespace sd35
