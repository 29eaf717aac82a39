#include "convert/plan.h"

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/messages.h"
#include "mmdit/transformer.h"
#include "quant/nf4.h"
#include "text/clip_text_model.h"
#include "text/t5_encoder.h"
#include "vae/encoder_decoder.h"
#include "weights/load.h"

namespace sd35 {
namespace {

constexpr std::int64_t kSmallTensor = 1024;  // elements, of GGUF files

using Describe = std::function<void(const Parameters&)>;

// Calls `use` with the function that describes the component's model.
void with_model(Component component, const nlohmann::json& config, const Location& location,
                const std::function<void(const Describe&)>& use) {
  switch (component) {
    case Component::text_encoder:
    case Component::text_encoder_2: {
      ClipTextModel model(ClipConfig::from_json(config, location));
      return use([&](const Parameters& p) { model.parameters(p); });
    }
    case Component::text_encoder_3: {
      T5Encoder model(T5Config::from_json(config, location));
      return use([&](const Parameters& p) { model.parameters(p); });
    }
    case Component::transformer: {
      Transformer model(MmditConfig::from_json(config, location));
      return use([&](const Parameters& p) { model.parameters(p); });
    }
    case Component::vae: {
      Autoencoder model(VaeConfig::from_json(config, location));
      return use([&](const Parameters& p) { model.parameters(p); });
    }
  }
}

// The kind of every tensor that a model describes.
class KindLister : public ParameterVisitor {
 public:
  void parameter(const ParameterSpec& spec, Tensor& /*tensor*/) override {
    for (const std::string& name : spec.names) kinds_[name] = spec.kind;
  }
  const std::map<std::string, ParameterKind>& kinds() const { return kinds_; }

 private:
  std::map<std::string, ParameterKind> kinds_;
};

bool is_sensitive(Component component, const std::string& name) {
  constexpr std::array kTransformer = {"pos_embed.", "time_text_embed.", "context_embedder.", "norm_out.",
                                       "proj_out."};
  if (component == Component::transformer)
    return std::ranges::any_of(kTransformer, [&](const char* start) { return name.starts_with(start); });
  return name == "text_projection.weight";
}

Role role_of(Component component, const std::string& name, const Shape& shape, ParameterKind kind) {
  if (shape.rank() <= 1) return Role::vector;
  if (kind == ParameterKind::embedding || kind == ParameterKind::position_table) return Role::embedding;
  if (component == Component::vae) return Role::convolution;
  return is_sensitive(component, name) ? Role::sensitive : Role::weight;
}

// Whether rows of `shape` are whole blocks.
bool divides(const Format& format, const Shape& shape) {
  std::int64_t block = 1;
  if (const auto* blocks = std::get_if<BlockType>(&format))
    block = static_cast<std::int64_t>(block_elements(*blocks));
  else if (std::holds_alternative<Nf4Format>(format))
    block = kNf4Block;
  return shape[-1] % block == 0;
}

bool is_plain(const Format& format) {
  const auto* dtype = std::get_if<DType>(&format);
  return dtype != nullptr && size_of(*dtype) > 1;
}

bool is_plain_fp8(const Format& format) { return format == Format(DType::f8_e4m3); }

// What is not quantized. `vectors`: the type of biases and norms that are not in 16 bits already.
DType kept_type(const StoredTensor& tensor, Role role, DType vectors = DType::f32) {
  const bool plain = !tensor.encoded();
  if (plain && (tensor.dtype == DType::f16 || tensor.dtype == DType::bf16)) return tensor.dtype;
  return role == Role::vector ? vectors : DType::bf16;
}

// What stays as it is stored, if the layout can hold that. Throws ArgumentError if it cannot.
Format stored_format(const std::string& name, const StoredTensor& tensor, Role role, Layout layout,
                     const std::string& location) {
  const std::string type = tensor.type_name();
  const bool blocks = dynamic_cast<const BlockEncoding*>(tensor.encoding.get()) != nullptr;
  const bool four_bit = tensor.encoding != nullptr && !blocks;
  const bool fp8 = tensor.dtype == DType::f8_e4m3 || tensor.dtype == DType::f8_e5m2;
  const char* home = nullptr;
  if (blocks && layout != Layout::gguf) home = "GGUF files";
  if (four_bit && layout != Layout::diffusers) home = "folders of the diffusers layout";
  if (fp8 && tensor.encoding == nullptr && layout == Layout::gguf) home = "safetensors";
  if (home != nullptr)
    throw ArgumentError(location + ": tensor " + in_quotes(name) + " is " + type + ", which exists in " +
                        home + " only; say with --type what the weights become");
  if (tensor.scale != 1.0f && !name.ends_with(".weight")) return kept_type(tensor, role);
  return AsStored{};
}

Format format_for(const std::string& name, const StoredTensor& tensor, Role role, const Format& format,
                  Layout layout, const std::string& location) {
  if (layout == Layout::gguf && (tensor.shape.rank() <= 1 || tensor.shape.numel() <= kSmallTensor))
    return DType::f32;
  if (std::holds_alternative<AsStored>(format)) return stored_format(name, tensor, role, layout, location);
  if (is_plain(format)) return format;
  // transformers keeps these layers of T5 in 32 bits and would not read quantized weights for them.
  if (std::holds_alternative<Nf4Format>(format) && name.ends_with(".wo.weight"))
    return kept_type(tensor, role);
  if (role == Role::weight && divides(format, tensor.shape)) return format;
  return kept_type(tensor, role, is_plain_fp8(format) ? DType::bf16 : DType::f32);
}

}  // namespace

std::string_view name_of(Role role) {
  constexpr std::array<std::string_view, 5> kNames = {"linear layers", "sensitive layers", "convolutions",
                                                      "embeddings, tables", "biases, norms"};
  return kNames.at(static_cast<std::size_t>(role));
}

std::vector<PlannedTensor> plan_component(Component component, const nlohmann::json& config,
                                          const Location& location, const WeightSource& source,
                                          const Format& format, Layout layout) {
  KindLister lister;
  with_model(component, config, location, [&](const Describe& describe) {
    check_all_bound(source, describe);
    describe(Parameters(lister));
  });
  std::vector<PlannedTensor> plan;
  for (const std::string& name : source.names()) {
    const StoredTensor& tensor = *source.find(name);
    const Role role = role_of(component, name, tensor.shape, lister.kinds().at(name));
    plan.push_back({name, &tensor, role, format_for(name, tensor, role, format, layout, source.location())});
  }
  return plan;
}

}  // namespace sd35
