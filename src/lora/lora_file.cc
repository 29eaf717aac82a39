#include "lora/lora_file.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstring>
#include <span>

#include "core/error.h"
#include "core/messages.h"
#include "lora/adapter_metadata.h"
#include "lora/lora_files.h"
#include "lora/lora_keys.h"
#include "weights/files/safetensors.h"

namespace sd35 {
namespace {

// The tensors of one layer, by role.
struct Parts {
  const LoraLayer* layer = nullptr;
  const StoredTensors::value_type *down = nullptr, *up = nullptr, *alpha = nullptr;
};

const StoredTensors::value_type*& part(Parts& parts, LoraRole role) {
  if (role == LoraRole::alpha) return parts.alpha;
  return role == LoraRole::down ? parts.down : parts.up;
}

// Calls body(row, values) with each row of a matrix as f32.
template <class Body>
void for_each_row(const Tensor& matrix, const Body& body) {
  const std::int64_t columns = matrix.dim(1);
  const std::size_t row_bytes = static_cast<std::size_t>(columns) * size_of(matrix.dtype());
  std::vector<float> values(static_cast<std::size_t>(columns));
  const auto* source = static_cast<const std::byte*>(matrix.raw());
  for (std::int64_t row = 0; row < matrix.dim(0); ++row, source += row_bytes) {
    convert(source, matrix.dtype(), values.data(), DType::f32, values.size());
    body(row, std::span<const float>(values));
  }
}

// Whether, for a fused projection of three parts, nothing lies outside the three blocks of the diagonal.
bool is_block_diagonal(const Tensor& up) {
  if (up.dim(1) % 3 != 0) return false;
  const std::int64_t rows = up.dim(0) / 3, rank = up.dim(1) / 3;
  bool diagonal = true;
  for_each_row(up, [&](std::int64_t row, std::span<const float> values) {
    const auto begin = values.begin() + row / rows * rank;
    const auto is_zero = [](float value) { return value == 0.0f; };
    diagonal = diagonal && std::all_of(values.begin(), begin, is_zero) &&
               std::all_of(begin + rank, values.end(), is_zero);
  });
  return diagonal;
}

// Rows and columns of one block of the diagonal, [rows / 3, r / 3] f32.
Tensor block_of(const Tensor& up, std::int64_t number) {
  const std::int64_t rows = up.dim(0) / 3, rank = up.dim(1) / 3;
  Tensor block({rows, rank}, DType::f32);
  for_each_row(up.rows(number * rows, (number + 1) * rows),
               [&](std::int64_t row, std::span<const float> values) {
                 std::copy_n(values.begin() + number * rank, rank, block.data<float>() + row * rank);
               });
  return block;
}

// "stable-diffusion-3-medium/lora", "sd3_m"; not "stabilityai/stable-diffusion-3.5-medium".
bool names_older_model(std::string name) {
  std::erase_if(name, [](unsigned char c) { return std::isalnum(c) == 0; });
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
  const auto has = [&](const char* text) { return name.find(text) != name.npos; };
  return (has("sd3") || has("diffusion3")) && !has("sd35") && !has("diffusion35");
}

class LoraReader {
 public:
  LoraReader(const std::filesystem::path& file, const LoraTargets& targets)
      : location_(file.string()),
        file_(read_safetensors(file)),
        metadata_(file_.metadata, file),
        layers_(targets) {}

  LoraUpdates read(const std::function<void(const std::string&)>& on_warning) {
    group();
    if (parts_.empty()) fail_without_match();
    if (unknown_.count() > 0 && on_warning)
      on_warning(location_ + ": " + std::to_string(unknown_.count()) +
                 " keys match nothing in the model and are left out: " + unknown_.text());
    if (const std::string model = older_model(); !model.empty() && on_warning)
      on_warning(location_ + ": made for Stable Diffusion 3 Medium? It says " + in_quotes(model) +
                 ", and touches nothing that only 3.5 Medium has; on another model than its own a LoRA draws "
                 "rubbish");
    LoraUpdates updates;
    for (const auto& [name, parts] : parts_) add(parts, updates);
    return updates;
  }

 private:
  [[noreturn]] void fail(std::string_view key, const std::string& what) const {
    throw FileError(location_ + ": " + in_quotes(key) + " " + what, {}, location_);
  }

  [[noreturn]] void fail_without_match() const {
    throw FileError(location_ + ": " +
                        (unknown_.count() == 0 ? "there is nothing in it"
                                               : "none of its keys matches the model: " + unknown_.text()) +
                        "; a LoRA of Stable Diffusion 3.5 Medium has keys like "
                        "'transformer.transformer_blocks.0.attn.to_q.lora_A.weight' or "
                        "'lora_unet_joint_blocks_0_x_block_attn_qkv.lora_down.weight'",
                    {}, location_);
  }

  // Finds the layer of every key.
  void group() {
    for (const auto& entry : file_.tensors) {
      const std::string& key = entry.first;
      if (key.starts_with("first_moment."))
        throw FileError(location_ +
                            ": it is a checkpoint of sd35 train, which the run goes on from (--resume) to "
                            "its lora.safetensors",
                        {}, location_);
      const std::string_view unsupported = unsupported_in_lora(key);
      if (!unsupported.empty())
        fail(key, "is " + std::string(unsupported) + "; only plain LoRA of linear layers is supported");
      const std::optional<LoraKey> split = split_lora_key(key);
      const LoraLayer* layer = split ? layers_.find(split->layer) : nullptr;
      if (layer == nullptr) {
        unknown_.add(in_quotes(key));
        continue;
      }
      Parts& parts = parts_[{layer->component, layer->name}];
      parts.layer = layer;
      const StoredTensors::value_type*& slot = part(parts, split->role);
      if (slot != nullptr) fail(key, "and " + in_quotes(slot->first) + " have the same meaning");
      slot = &entry;
    }
  }

  // What the file says that it was made for, if that is Stable Diffusion 3 and every update would fit it too:
  // 3.5 Medium has the same layers, and in half of its blocks a second attention with nine modulations.
  std::string older_model() const {
    bool of_transformer = false;
    for (const auto& [name, parts] : parts_) {
      if (name.first != Component::transformer) continue;
      of_transformer = true;
      const Shape& shape = parts.layer->shape;
      const bool nine = shape.rank() == 2 && shape[0] == 9 * shape[1];
      if (nine || name.second.find("attn2") != std::string::npos) return "";
    }
    if (!of_transformer) return "";
    std::vector<std::string> said{metadata_.base_model()};
    for (const char* key : {"modelspec.architecture", "ss_base_model_version", "ss_sd_model_name"})
      if (const auto found = file_.metadata.find(key); found != file_.metadata.end())
        said.push_back(found->second);
    for (const std::string& model : said)
      if (names_older_model(model)) return model;
    return "";
  }

  // A matrix of finite numbers.
  Tensor matrix(const StoredTensors::value_type& entry) const {
    const auto& [key, stored] = entry;
    if (stored.shape.rank() != 2 || stored.shape.numel() == 0)
      fail(key, "has shape " + stored.shape.to_string() + "; it must be a matrix");
    if (!is_float(stored.dtype))
      fail(key, "is of type " + std::string(name_of(stored.dtype)) + ", which is not a float type");
    Tensor tensor = stored.read();
    for_each_row(tensor, [&](std::int64_t row, std::span<const float> values) {
      if (!std::ranges::all_of(values, [](float value) { return std::isfinite(value); }))
        fail(entry.first, "holds NaN or infinity in row " + std::to_string(row) + "; the file is damaged");
    });
    return tensor;
  }

  // One number, of a float type or whole.
  double number(const StoredTensors::value_type& entry) const {
    const auto& [key, stored] = entry;
    if (stored.shape.numel() != 1)
      fail(key, "has shape " + stored.shape.to_string() + "; it must be one number");
    const Tensor tensor = stored.read();
    double value = NAN;
    if (stored.dtype == DType::i64) {
      std::int64_t whole = 0;
      std::memcpy(&whole, tensor.raw(), sizeof(whole));
      value = static_cast<double>(whole);
    } else if (is_float(stored.dtype)) {
      float single = NAN;
      convert(tensor.raw(), tensor.dtype(), &single, DType::f32, 1);
      value = single;
    }
    if (!std::isfinite(value)) fail(key, "is not a finite number");
    return value;
  }

  double scale(const Parts& parts, std::int64_t rank) const {
    if (parts.alpha != nullptr) return number(*parts.alpha) / static_cast<double>(rank);
    return metadata_.scale(parts.layer->component, parts.layer->name, rank);
  }

  void check_shapes(const LoraLayer& layer, const Parts& parts) const {
    const auto& [down_key, down] = *parts.down;
    const auto& [up_key, up] = *parts.up;
    if (layer.shape.rank() != 2)
      fail(down_key, "updates a convolution; only LoRA of linear layers is supported");
    const auto fail_shape = [&](const std::string& key, const Shape& shape, const Shape& wanted) {
      fail(key, "has shape " + shape.to_string() + " instead of " + wanted.to_string() +
                    "; the LoRA belongs to another model");
    };
    if (down.shape[1] != layer.shape[1]) fail_shape(down_key, down.shape, {down.shape[0], layer.shape[1]});
    if (up.shape != Shape{layer.shape[0], down.shape[0]})
      fail_shape(up_key, up.shape, {layer.shape[0], down.shape[0]});
  }

  void add(const Parts& parts, LoraUpdates& updates) const {
    const LoraLayer& layer = *parts.layer;
    const auto* any = parts.down != nullptr ? parts.down : parts.up != nullptr ? parts.up : parts.alpha;
    if (parts.down == nullptr) fail(any->first, "has no lora_down or lora_A beside it");
    if (parts.up == nullptr) fail(any->first, "has no lora_up or lora_B beside it");
    const Tensor down = matrix(*parts.down), up = matrix(*parts.up);
    check_shapes(layer, parts);

    std::vector<LoraUpdate>& list = updates[layer.component];
    const bool three = layer.places.size() == 3 && is_block_diagonal(up);
    const std::int64_t rank = three ? down.dim(0) / 3 : down.dim(0);
    const auto scale = static_cast<float>(this->scale(parts, rank));
    std::int64_t row = 0;
    for (std::size_t i = 0; i < layer.places.size(); ++i) {
      const LoraPlace& place = layer.places[i];
      const auto number = static_cast<std::int64_t>(i);
      LoraUpdate update{place.weight, down, up.rows(row, row + place.rows), place.first_row, scale};
      if (three) {
        update.down = down.rows(number * rank, (number + 1) * rank);
        update.up = block_of(up, number);
      }
      list.push_back(std::move(update));
      row += place.rows;
    }
  }

  std::string location_;
  SafetensorsFile file_;
  AdapterMetadata metadata_;
  LoraLayers layers_;
  std::map<std::pair<Component, std::string>, Parts> parts_;  // by component and layer
  ProblemList unknown_;
};

}  // namespace

LoraUpdates read_lora(const std::filesystem::path& path, const LoraTargets& targets,
                      const std::function<void(const std::string&)>& on_warning) {
  return LoraReader(lora_weights_file(path), targets).read(on_warning);
}

}  // namespace sd35
