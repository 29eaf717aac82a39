#include "random_models/random_model.h"

#include <nlohmann/json.hpp>

#include "core/config_file.h"
#include "core/error.h"
#include "mmdit/transformer.h"
#include "text/clip_text_model.h"
#include "text/t5_encoder.h"
#include "vae/encoder_decoder.h"
#include "weights/layouts/aliases.h"

namespace sd35 {
namespace {

class TensorLister : public ParameterVisitor {
 public:
  explicit TensorLister(Component component) : prefix_(std::string(folder_of(component)) + ".") {}

  void parameter(const ParameterSpec& spec, Tensor& /*tensor*/) override {
    // A fused projection is several tensors of the file, stacked.
    std::vector<std::int64_t> dims(spec.shape.dims().begin(), spec.shape.dims().end());
    dims.front() /= static_cast<std::int64_t>(spec.names.size());
    for (const std::string& name : spec.names)
      tensors_.push_back({prefix_ + name, name, Shape(dims), spec.kind});
  }
  std::vector<RandomTensor> take() { return std::move(tensors_); }

 private:
  std::string prefix_;
  std::vector<RandomTensor> tensors_;
};

}  // namespace

std::vector<RandomTensor> list_tensors(Component component,
                                       const std::function<void(const Parameters&)>& describe) {
  TensorLister lister(component);
  describe(Parameters(lister));
  return lister.take();
}

RandomModel describe_model(const std::map<std::string, nlohmann::json>& configs,
                           const std::string& location) {
  RandomModel model;
  const auto path_of = [](Component component) { return std::string(folder_of(component)) + "/config.json"; };
  const auto where = [&](Component component) { return location + "/" + path_of(component); };
  const auto config_of = [&](Component component) -> const nlohmann::json& {
    const auto found = configs.find(path_of(component));
    if (found == configs.end()) throw FileError(where(component) + " is missing", {}, where(component));
    return found->second;
  };
  const auto add = [&](Component component, const auto& describe) {
    model.components[component] = list_tensors(component, describe);
  };

  for (const Component component : {Component::text_encoder, Component::text_encoder_2}) {
    ClipTextModel clip(ClipConfig::from_json(config_of(component), where(component)));
    add(component, [&](const Parameters& p) { clip.parameters(p); });
  }
  constexpr Component kT5 = Component::text_encoder_3, kTransformer = Component::transformer;
  T5Encoder t5(T5Config::from_json(config_of(kT5), where(kT5)));
  add(kT5, [&](const Parameters& p) { t5.parameters(p); });

  const nlohmann::json& json = config_of(kTransformer);
  Transformer transformer(MmditConfig::from_json(json, where(kTransformer)));
  add(kTransformer, [&](const Parameters& p) { transformer.parameters(p); });
  const int patch = transformer.config().patch_size;
  const std::int64_t latents =
      ConfigReader(json, where(kTransformer)).integer("sample_size", patch, 1 << 16, 128);
  model.position_table = {transformer.config().pos_embed_max_size, latents / patch};

  Autoencoder vae(VaeConfig::from_json(config_of(Component::vae), where(Component::vae)));
  add(Component::vae, [&](const Parameters& p) { vae.parameters(p); });
  return model;
}

RandomFile component_file(const std::vector<RandomTensor>& tensors) {
  RandomFile file;
  for (const RandomTensor& tensor : tensors)
    file[tensor.name] = {tensor.shape, {{&tensor, 0, tensor.shape[0]}}};
  return file;
}

RandomFile single_file(const RandomModel& model) {
  RandomFile file;
  for (const auto& [component, tensors] : model.components) {
    std::map<std::string, Shape> shapes;
    std::map<std::string, const RandomTensor*> by_name;
    for (const RandomTensor& tensor : tensors) {
      shapes[tensor.name] = tensor.shape;
      by_name[tensor.name] = &tensor;
    }
    for (const OriginalTensor& original : to_original(component, shapes)) {
      RandomFileTensor& target = file[original.name];
      target.shape = original.shape;
      for (const OriginalTensor::Part& part : original.parts)
        target.rows.push_back({by_name.at(part.name), part.begin, part.end - part.begin});
    }
  }
  return file;
}

std::int64_t element_count(const RandomModel& model) {
  std::int64_t count = 0;
  for (const auto& [component, tensors] : model.components)
    for (const RandomTensor& tensor : tensors) count += tensor.shape.numel();
  return count;
}

}  // namespace sd35
