// What a model argument refers to: the weights, configurations and tokenizers of a model, wherever they lie.
#pragma once

#include <array>
#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "weights/component.h"
#include "weights/source.h"

namespace sd35 {

// Files that a single-file checkpoint lacks; elsewhere they take the place of what it holds. Empty: none.
struct ExtraFiles {
  // A safetensors or GGUF file with the names of transformers (a GGUF file: or llama.cpp), plain or below
  // "text_encoders.<encoder>.transformer."; or a folder of the diffusers layout.
  std::filesystem::path clip_l, clip_g, t5xxl;
  // A folder with tokenizer/, tokenizer_2/ and tokenizer_3/.
  std::filesystem::path tokenizers;
  // As the encoders, with the names of diffusers or of the original layout.
  std::filesystem::path transformer = {}, vae = {};
};

// What LoRA does with the weights of a component.
using WeightChange = std::function<std::shared_ptr<const WeightSource>(std::shared_ptr<const WeightSource>)>;

// Nothing here is read into memory: weights are mapped when they are asked for.
class ModelFiles {
 public:
  // `model`: a folder in the diffusers layout; a single file in the original layout (safetensors or GGUF);
  // or, where no such path exists, the name of a model in the Hugging Face cache
  // ("stabilityai/stable-diffusion-3.5-medium"). Weights may be missing: see has(). Throws FileError when
  // nothing is there, saying what to download from where, and when the model is of another kind or damaged.
  static ModelFiles open(const std::string& model, const ExtraFiles& extra = {});

  // One component alone: a file or a folder as in ExtraFiles.
  static ModelFiles open_part(Component component, const std::filesystem::path& path);

  // The folder or file, for messages.
  const std::string& location() const { return location_; }
  // A single file in the original layout.
  bool is_single_file() const { return single_file_; }

  // Whether the component has weights.
  bool has(Component component) const;
  // The component's tensors under the names of the diffusers layout, without what no model uses (position
  // ids, copies, quantization markers). Throws FileError when has() is false or a file is damaged.
  std::shared_ptr<const WeightSource> weights(Component component) const;
  // From now on weights() of the component is what `change` makes of it.
  void change_weights(Component component, WeightChange change) {
    changes_[static_cast<std::size_t>(component)] = std::move(change);
  }
  // config.json, or the same derived from the shapes of the tensors where there is none to read (single
  // files). A folder may have it without the weights. Throws FileError.
  nlohmann::json config(Component component) const;
  // Where config() comes from, for messages.
  std::string config_location(Component component) const;
  // scheduler_config.json, or Stable Diffusion 3.5's.
  nlohmann::json scheduler_config() const;
  // sd35.json, what a model says beyond diffusers' configurations: `words` it knows. Empty where there is
  // none.
  nlohmann::json extras() const;
  // The folder of tokenizer 1 (CLIP-L), 2 (CLIP-G) or 3 (T5). Throws FileError when it lacks a file of the
  // vocabulary.
  std::filesystem::path tokenizer(int number) const;

  // What is missing to make a picture, and where to get it; empty when nothing is.
  std::string missing_to_generate(bool use_t5 = true) const;

 private:
  // Where a component comes from.
  struct Part {
    std::filesystem::path weights;  // a safetensors or GGUF file, or an index of shards; empty: none
    std::filesystem::path config;   // empty: derived from the weights
    bool original = false;          // in the original layout, in a file with other components
  };

  void open_folder(const std::filesystem::path& folder);
  void open_single_file(const std::filesystem::path& file);
  void add_extra(Component component, const std::filesystem::path& path);
  const Part& part(Component component) const { return parts_[static_cast<std::size_t>(component)]; }
  Part& part(Component component) { return parts_[static_cast<std::size_t>(component)]; }

  std::string location_;
  bool single_file_ = false;
  std::array<Part, kComponents.size()> parts_;
  std::array<WeightChange, kComponents.size()> changes_;  // empty: none
  std::filesystem::path scheduler_;                       // empty: none
  std::filesystem::path extras_;                          // empty: none
  std::filesystem::path tokenizers_;                      // the folder of the folders
};

}  // namespace sd35
