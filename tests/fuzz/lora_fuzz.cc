// Reads the input as a LoRA, which is added to weights, and as what PEFT says of one: in the metadata and in
// adapter_config.json. Only Error may come out.
#include "lora/adapter_metadata.h"
#include "lora/lora_file.h"
#include "lora/merge.h"
#include "tests/fuzz/allow_errors.h"
#include "tests/fuzz/input_file.h"
#include "tests/fuzz/sealed.h"
#include "tests/support/file_bytes.h"
#include "tests/support/temporary_folder.h"

namespace sd35 {
namespace {

constexpr const char* kQuery = "transformer_blocks.0.attn.to_q";

const LoraTargets& targets() {
  static const LoraTargets targets = {
      {Component::transformer,
       {{"context_embedder.weight", {6, 8}},
        {"transformer_blocks.0.attn.to_q.weight", {6, 6}},
        {"transformer_blocks.0.attn.to_k.weight", {6, 6}},
        {"transformer_blocks.0.attn.to_v.weight", {6, 6}},
        {"transformer_blocks.0.attn.to_out.0.weight", {6, 6}}}},
      {Component::text_encoder, {{"text_model.encoder.layers.0.mlp.fc1.weight", {8, 4}}}},
      {Component::text_encoder_2, {{"text_model.encoder.layers.0.mlp.fc1.weight", {8, 4}}}},
      {Component::text_encoder_3, {{"encoder.block.0.layer.0.SelfAttention.q.weight", {4, 4}}}}};
  return targets;
}

void read_and_add(const std::filesystem::path& path) {
  allow_errors([&] {
    for (const auto& [component, updates] : read_lora(path, targets(), check_line))
      for (const LoraUpdate& update : updates) {
        Tensor weight = Tensor::zeros(targets().at(component).at(update.weight));
        add_update(update, 0, weight);
      }
  });
}

// A LoRA as PEFT itself saves it, beside a configuration.
struct Adapter {
  TemporaryFolder folder;
  std::filesystem::path file = folder / "adapter_model.safetensors";
  Adapter() {
    write_lora(file, Component::transformer,
               {{std::string(kQuery) + ".lora_A.weight", Tensor::zeros({2, 6})},
                {std::string(kQuery) + ".lora_B.weight", Tensor::zeros({6, 2})}},
               {2, 2, {"attn.to_q"}});
  }
};

void read_metadata(const std::string& text) {
  static const Adapter adapter;
  allow_errors([&] {
    const AdapterMetadata metadata({{kAdapterMetadata, text}}, adapter.file);
    for (const Component component : kComponents)
      allow_errors([&] { (void)metadata.scale(component, kQuery, 2); });
  });
  put_file(adapter.folder / "adapter_config.json", text);
  allow_errors([&] { (void)AdapterMetadata({}, adapter.file).scale(Component::transformer, kQuery, 2); });
}

}  // namespace
}  // namespace sd35

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sd35;
  const std::string bytes(text_of(data, size));
  read_and_add(InputFile(bytes).path());
  read_and_add(InputFile(sealed_safetensors(bytes)).path());
  read_metadata(bytes);
  return 0;
}
