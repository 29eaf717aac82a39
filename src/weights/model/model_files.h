// What a model argument refers to: the weights, configurations and tokenizers of a model, wherever they lie.
#pragma once

#include <array>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/file_reader.h"
#include "core/location.h"
#include "sd35/model_parts.h"
#include "weights/layouts/component.h"
#include "weights/layouts/component_weights.h"
#include "weights/source.h"

namespace sd35 {

// The configuration of a component, and who says so.
struct ComponentConfig {
  nlohmann::json json;
  Location location;
  bool said = false;  // by a config.json or by the file of the weights; else derived from shapes
  std::string doubt;  // what was derived in spite of what the model says, and why; empty: nothing
};

// What LoRA does to the weights of a component.
using WeightChange = std::function<std::shared_ptr<const WeightSource>(std::shared_ptr<const WeightSource>)>;

// Nothing here is read into memory: weights are mapped when they are asked for. For one thread at a time.
class ModelFiles {
 public:
  // `model`: a folder in the diffusers layout; a single file (safetensors or GGUF) with some of the
  // components, in either layout; or, where no such path exists, the name of a model in the Hugging Face
  // cache ("stabilityai/stable-diffusion-3.5-medium"). Weights may be missing: see has(). Throws FileError
  // when nothing is there, saying what to download from where, and when the model is of another kind or
  // damaged.
  static ModelFiles open(const std::string& model, const ModelParts& named = {});

  // One component alone: a file or a folder as in ModelParts.
  static ModelFiles open_part(Component component, const std::filesystem::path& path);

  // The folder or file, for messages.
  const std::string& location() const { return location_; }
  // The same with the parts that were named with it: "model with --clip-l encoder.safetensors".
  Location location_with_parts() const { return {location_ + named_, location_}; }
  // Not a folder.
  bool is_single_file() const { return single_file_; }

  // Whether the component has weights.
  bool has(Component component) const;
  // The component's tensors under the names of the diffusers layout, without what no model uses (position
  // ids, copies, quantization markers). `warn` receives what else is left out and which indexes are wrong.
  // Throws FileError when has() is false or a file is damaged.
  std::shared_ptr<const WeightSource> weights(Component component, const WarningFunction& warn = {}) const;
  // From now on weights() of the component is what `change` makes of it.
  void change_weights(Component component, WeightChange change) {
    changes_[static_cast<std::size_t>(component)] = std::move(change);
  }
  // What the file of the weights says (weights/model/said_config.h), else config.json or what the model's
  // file says; where that describes other shapes, or nobody says anything, it is derived from the shapes. A
  // folder may have it without the weights. Throws FileError.
  ComponentConfig configuration(Component component) const;
  nlohmann::json config(Component component) const { return configuration(component).json; }
  // Where config() comes from.
  Location config_location(Component component) const { return configuration(component).location; }
  // scheduler_config.json, or what a file says of it; Stable Diffusion 3.5's where nobody does.
  nlohmann::json scheduler_config() const;
  Location scheduler_location() const;
  bool says_scheduler() const;
  // sd35.json, or what a file says of it: what a model says beyond diffusers' configurations, `words` it
  // knows. Empty where there is none.
  nlohmann::json extras() const;
  Location extras_location() const;
  // Whether the model says that it has no T5 (null in model_index.json) and none was named.
  bool without_t5() const { return without_t5_; }
  // The folder of tokenizer 1 (CLIP-L), 2 (CLIP-G) or 3 (T5). Throws FileError when it lacks a file of the
  // vocabulary.
  std::filesystem::path tokenizer(int number) const;

  // Throws FileError where a folder of tokenizers was named and lacks one.
  void check_named_tokenizers(bool use_t5 = true) const;

  // What is missing to make a picture, and where to get it; empty when nothing is.
  std::string missing_to_generate(bool use_t5 = true) const;

 private:
  // Where a component comes from.
  struct Part {
    std::filesystem::path weights;  // a safetensors or GGUF file, or an index of shards; empty: none
    std::filesystem::path config;   // config.json; empty: none
    bool named = false;            // the weights take the place of those that `config` or the model describes
    nlohmann::json own = nullptr;  // what the file of the weights says; null: nothing
  };

  void open_folder(const std::filesystem::path& folder);
  void open_single_file(const std::filesystem::path& file);
  void add_extra(Component component, const std::filesystem::path& path);
  std::string missing_weights(Component component) const;
  // Each file is opened once, when it is asked for.
  const std::shared_ptr<const WeightFile>& opened(const std::filesystem::path& path) const;
  const Part& part(Component component) const { return parts_[static_cast<std::size_t>(component)]; }
  Part& part(Component component) { return parts_[static_cast<std::size_t>(component)]; }

  std::string location_;
  std::string named_;  // what location_with_parts() adds
  bool single_file_ = false;
  std::array<Part, kComponents.size()> parts_;
  std::array<WeightChange, kComponents.size()> changes_;  // empty: none
  std::filesystem::path scheduler_;                       // empty: none
  std::filesystem::path extras_;                          // empty: none
  std::filesystem::path tokenizers_;                      // the folder of the folders
  bool tokenizers_named_ = false;
  // What the model's file says, by folder; of the scheduler and extras also what the transformer's file says.
  std::map<std::string, nlohmann::json> said_;
  bool without_t5_ = false;
  mutable std::map<std::filesystem::path, std::shared_ptr<const WeightFile>> opened_;
};

}  // namespace sd35
