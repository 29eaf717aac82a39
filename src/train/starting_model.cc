#include "train/starting_model.h"

#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "core/atomic_file.h"
#include "core/config_file.h"
#include "core/error.h"
#include "core/fingerprint.h"
#include "core/messages.h"
#include "pipeline/identity.h"
#include "train/checkpoint.h"
#include "train/objectives/objective.h"
#include "weights/model/model_files.h"

namespace sd35::train {
namespace {

namespace fs = std::filesystem;

constexpr char kKept[] = "starting_model.json";

// If all components are in one file, it is read once.
class WeightHashes {
 public:
  const std::string& of(const WeightSource& weights) {
    std::set<fs::path> files;
    for (const std::string& name : weights.names()) files.insert(weights.find(name)->file->path());
    std::string& hash = known_[files];
    if (hash.empty()) hash = fingerprint({files.begin(), files.end()}, Reading::every_byte);
    return hash;
  }

 private:
  std::map<std::set<fs::path>, std::string> known_;
};

// The number of the component's tokenizer; 0 if it has none.
int tokenizer_of(Component component) {
  switch (component) {
    case Component::text_encoder:
      return 1;
    case Component::text_encoder_2:
      return 2;
    case Component::text_encoder_3:
      return 3;
    case Component::transformer:
    case Component::vae:
      return 0;
  }
  return 0;
}

}  // namespace

StartingModel starting_model(const TrainConfig& config) {
  const ModelFiles files = ModelFiles::open(config.model);
  const Component trained = trained_component(config);
  const bool takes_all = config.task == Task::transformer || config.task == Task::lora;
  StartingModel model;
  WeightHashes hashes;
  for (const Component component : kComponents) {
    const bool is_trained = component == trained;
    const bool has_weights = files.has(component) && !(is_trained && config.from_scratch);
    if (!is_trained && !(takes_all && has_weights)) continue;
    Identity identity;
    identity.add(files.config(component).dump());
    if (has_weights) identity.add(hashes.of(*files.weights(component)));
    if (const int number = tokenizer_of(component)) identity.add_folder(files.tokenizer(number));
    model[std::string(folder_of(component))] = identity.text();
  }
  return model;
}

void check_starting_model(const fs::path& folder, const TrainConfig& config, const StartingModel& model) {
  const fs::path kept = folder / kKept;
  std::error_code error;
  if (!newest_checkpoint(folder) || !fs::exists(kept, error)) return;
  const nlohmann::json before = read_json_file(kept);
  for (const auto& [part, hash] : model)
    if (before.value(part, nlohmann::json()) != hash)
      throw ArgumentError(in_quotes(folder.string()) + " holds a run that began with another model: the " +
                          part + " of " + in_quotes(config.model) +
                          " is not what it was then; bring that back, or begin a new run in another folder");
}

void keep_starting_model(const fs::path& folder, const StartingModel& model) {
  AtomicFile file(folder / kKept);
  const std::string text = nlohmann::json(model).dump(2) + "\n";
  file.write(std::as_bytes(std::span(text)));
  file.commit();
}

}  // namespace sd35::train
