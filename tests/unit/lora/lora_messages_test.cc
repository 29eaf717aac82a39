// What is said of files that are no LoRA, or none of this model, and of tensors that make none.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "core/error.h"
#include "lora/lora_file.h"
#include "tests/support/file_error.h"
#include "tests/support/temporary_folder.h"
#include "weights/files/safetensors.h"

namespace sd35 {
namespace {

using Tensors = std::map<std::string, Tensor>;
using Metadata = std::map<std::string, std::string>;

const std::string kLayer = "transformer.transformer_blocks.0.attn.to_q";
const std::string kDown = kLayer + ".lora_A.weight", kUp = kLayer + ".lora_B.weight";

const LoraTargets& small_model() {
  static const LoraTargets targets = {{Component::transformer,
                                       {{"transformer_blocks.0.attn.to_q.weight", {6, 6}},
                                        {"transformer_blocks.0.attn.to_k.weight", {6, 6}},
                                        {"transformer_blocks.0.attn.to_v.weight", {6, 6}},
                                        {"pos_embed.proj.weight", {6, 4, 2, 2}}}}};
  return targets;
}

// A LoRA of rank 2.
Tensors whole() { return {{kDown, Tensor::zeros({2, 6})}, {kUp, Tensor::zeros({6, 2})}}; }

class LoraMessages : public testing::Test {
 protected:
  // What is said of the file.
  std::string message(const Tensors& tensors, const Metadata& metadata = {}) {
    const auto path = folder_ / "a.safetensors";
    write_safetensors(path, tensors, metadata);
    const std::string text = file_error(path, [&] { read_lora(path, small_model(), {}); });
    EXPECT_TRUE(text.starts_with(path.string())) << text;
    return text;
  }
  std::string message_with(const std::string& key, const Tensor& tensor) {
    Tensors tensors = whole();
    tensors[key] = tensor;
    return message(tensors);
  }
  std::string message_without(const std::string& key) {
    Tensors tensors = whole();
    tensors.erase(key);
    return message(tensors);
  }
  std::string of_settings(const std::string& json) {
    return message(whole(), {{"lora_adapter_metadata", json}});
  }

  TemporaryFolder folder_;
};

void expect_end(const std::string& message, const std::string& end) {
  EXPECT_TRUE(message.ends_with(end)) << message << "\nends in\n" << end;
}

void expect_part(const std::string& message, const std::string& part) {
  EXPECT_NE(message.find(part), message.npos) << message << "\nholds\n" << part;
}

TEST_F(LoraMessages, NothingIsSaidOfAWholeOne) {
  const auto path = folder_ / "a.safetensors";
  write_safetensors(path, whole(), {});
  int warnings = 0;
  const LoraUpdates updates =
      read_lora(path, small_model(), [&](const std::string& /*warning*/) { ++warnings; });
  EXPECT_EQ(updates.at(Component::transformer).size(), 1u);
  EXPECT_EQ(warnings, 0);
}

TEST_F(LoraMessages, FilesThatAreNoLora) {
  expect_part(message({}), ": there is nothing in it; a LoRA of Stable Diffusion 3.5 Medium has keys like");
  expect_part(message({{"unet.up.lora_A.weight", Tensor::zeros({2, 6})}}),
              ": none of its keys matches the model: 'unet.up.lora_A.weight'; a LoRA of");
  expect_end(message({{"first_moment.a", Tensor::zeros({2})}}),
             ": it is a checkpoint of sd35 train, which the run goes on from (--resume) to its "
             "lora.safetensors");
}

TEST_F(LoraMessages, KindsOfUpdatesThatAreNotRead) {
  for (const auto& [ending, kind] :
       std::vector<std::pair<std::string, std::string>>{{".dora_scale", "DoRA"},
                                                        {".lora_magnitude_vector", "DoRA"},
                                                        {".lokr_w1", "LoKr"},
                                                        {".hada_w1_a", "LoHa"},
                                                        {".oft_blocks", "OFT"},
                                                        {".lora_mid.weight", "LoRA of a convolution"},
                                                        {".lora_embedding_A", "LoRA of an embedding"},
                                                        {".diff_b", "a bias"},
                                                        {".lora_B.bias", "a bias"},
                                                        {".diff", "a difference of full rank"}})
    expect_end(message_with(kLayer + ending, Tensor::zeros({2})),
               ": '" + kLayer + ending + "' is " + kind + "; only plain LoRA of linear layers is supported");
  const std::string convolution = "transformer.pos_embed.proj";
  expect_end(message({{convolution + ".lora_A.weight", Tensor::zeros({2, 16})},
                      {convolution + ".lora_B.weight", Tensor::zeros({6, 2})}}),
             "' updates a convolution; only LoRA of linear layers is supported");
}

TEST_F(LoraMessages, TensorsThatMakeNoUpdate) {
  expect_end(message_without(kDown), ": '" + kUp + "' has no lora_down or lora_A beside it");
  expect_end(message_without(kUp), ": '" + kDown + "' has no lora_up or lora_B beside it");
  expect_end(message_with(kDown, Tensor::zeros({12})), "' has shape [12]; it must be a matrix");
  expect_end(message_with(kDown, Tensor::zeros({0, 6})), "' has shape [0, 6]; it must be a matrix");
  expect_end(message_with(kUp, Tensor::zeros({6, 2}, DType::i64)),
             "' is of type i64, which is not a float type");
  Tensor damaged = Tensor::zeros({6, 2});
  damaged.data<float>()[7] = NAN;
  expect_end(message_with(kUp, damaged), "' holds NaN or infinity in row 3; the file is damaged");
  expect_end(message_with(kDown, Tensor::zeros({2, 7})),
             "' has shape [2, 7] instead of [2, 6]; the LoRA belongs to another model");
  expect_end(message_with(kUp, Tensor::zeros({6, 3})),
             "' has shape [6, 3] instead of [6, 2]; the LoRA belongs to another model");
}

TEST_F(LoraMessages, AlphasThatAreNoNumber) {
  const std::string alpha = kLayer + ".alpha";
  expect_end(message_with(alpha, Tensor::zeros({2})), "' has shape [2]; it must be one number");
  Tensor infinite = Tensor::zeros({1});
  infinite.data<float>()[0] = INFINITY;
  expect_end(message_with(alpha, infinite), ": '" + alpha + "' is not a finite number");
  expect_end(message_with(alpha, Tensor::zeros({1}, DType::i8)), ": '" + alpha + "' is not a finite number");
}

TEST_F(LoraMessages, SettingsThatDoNotFit) {
  expect_part(of_settings("{"), ", lora_adapter_metadata: not valid JSON");
  expect_end(of_settings(R"({"transformer.rank_pattern": 3})"),
             ", lora_adapter_metadata: 'transformer.rank_pattern' is not an object");
  expect_end(
      of_settings(R"({"transformer.alpha_pattern": {"block.*": 3}})"),
      ": the pattern 'block.*' is a regular expression; only names of layers and their ends are supported");
  const std::string other_rank =
      ": the rank of 'transformer_blocks.0.attn.to_q' is 4, but its tensors have 2";
  expect_end(of_settings(R"({"transformer.r": 4})"), other_rank);
  expect_end(of_settings(R"({"transformer.r": 2, "transformer.rank_pattern": {"to_q": 4}})"), other_rank);
  expect_part(of_settings(R"({"transformer.lora_alpha": "2"})"),
              "'transformer.lora_alpha' is '2'; it must be");
}

TEST_F(LoraMessages, OfTheConfigurationBesideNameIt) {
  write_safetensors(folder_ / "adapter_model.safetensors", whole(), {});
  std::ofstream(folder_ / "adapter_config.json") << R"({"r": 3})";
  EXPECT_EQ(file_error(folder_ / "adapter_config.json",
                       [&] { read_lora(folder_ / "adapter_model.safetensors", small_model(), {}); }),
            (folder_ / "adapter_config.json").string() +
                ": the rank of 'transformer_blocks.0.attn.to_q' is 3, but its tensors have 2");
}

TEST_F(LoraMessages, KeysThatMatchNothingAreReported) {
  const auto path = folder_ / "a.safetensors";
  Tensors tensors = whole();
  tensors["elsewhere.lora_A.weight"] = Tensor::zeros({2, 6});
  write_safetensors(path, tensors, {});
  std::vector<std::string> warnings;
  read_lora(path, small_model(), [&](const std::string& warning) { warnings.push_back(warning); });
  EXPECT_EQ(warnings,
            std::vector<std::string>{path.string() + ": 1 keys match nothing in the model and are left "
                                                     "out: 'elsewhere.lora_A.weight'"});
}

TEST_F(LoraMessages, OfWhatCannotBeWritten) {
  const std::string down = "layer.lora_A.weight", up = "layer.lora_B.weight";
  const auto refusal = [&](const Tensors& tensors) -> std::string {
    try {
      write_lora(folder_ / "w.safetensors", Component::transformer, tensors, {2, 2, {"layer"}});
      return "written";
    } catch (const ArgumentError& error) {
      return error.what();
    }
  };
  const Tensor a = Tensor::zeros({2, 6}), b = Tensor::zeros({6, 2});
  EXPECT_EQ(refusal({{down, a}, {up, b}}), "written");
  EXPECT_EQ(refusal({}), "a LoRA needs tensors");
  EXPECT_EQ(refusal({{"layer.weight", a}}),
            "the tensor 'layer.weight' of a LoRA must be called <layer>.lora_A.weight or .lora_B.weight");
  EXPECT_EQ(refusal({{down, a}}), "the tensor '" + down + "' of a LoRA needs '" + up + "'");
  EXPECT_EQ(refusal({{up, b}}), "the tensor '" + up + "' of a LoRA needs '" + down + "'");
  const std::string end = "; it must be a matrix of floats and of rank 2";
  EXPECT_EQ(refusal({{down, Tensor::zeros({3, 6})}, {up, b}}),
            "the tensor '" + down + "' of a LoRA has shape [3, 6] and type f32" + end);
  EXPECT_EQ(refusal({{down, a}, {up, Tensor::zeros({6, 2, 1})}}),
            "the tensor '" + up + "' of a LoRA has shape [6, 2, 1] and type f32" + end);
  EXPECT_EQ(refusal({{down, a}, {up, Tensor::zeros({6, 2}, DType::i32)}}),
            "the tensor '" + up + "' of a LoRA has shape [6, 2] and type i32" + end);
}

}  // namespace
}  // namespace sd35
