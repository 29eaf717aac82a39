#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/messages.h"
#include "lora/adapter_metadata.h"
#include "lora/lora_file.h"
#include "lora/lora_keys.h"
#include "weights/files/safetensors.h"

namespace sd35 {
namespace {

constexpr std::string_view kDown = ".lora_A.weight", kUp = ".lora_B.weight";

[[noreturn]] void fail(const std::string& name, const std::string& what) {
  throw ArgumentError("the tensor " + in_quotes(name) + " of a LoRA " + what);
}

void check(const std::map<std::string, Tensor>& tensors, std::int64_t rank) {
  if (tensors.empty()) throw ArgumentError("a LoRA needs tensors");
  for (const auto& [name, tensor] : tensors) {
    const bool down = name.ends_with(kDown);
    if (!down && !name.ends_with(kUp)) fail(name, "must be called <layer>.lora_A.weight or .lora_B.weight");
    const std::string other = name.substr(0, name.size() - kDown.size()) + std::string(down ? kUp : kDown);
    if (!tensors.contains(other)) fail(name, "needs " + in_quotes(other));
    if (tensor.shape().rank() != 2 || tensor.dim(down ? 0 : 1) != rank || !is_float(tensor.dtype()))
      fail(name, "has shape " + tensor.shape().to_string() + " and type " +
                     std::string(name_of(tensor.dtype())) + "; it must be a matrix of floats and of rank " +
                     std::to_string(rank));
  }
}

// A whole alpha without a point, as PEFT writes it.
nlohmann::json number(double value) {
  const auto whole = static_cast<std::int64_t>(value);
  if (static_cast<double>(whole) == value) return whole;
  return value;
}

}  // namespace

void write_lora(const std::filesystem::path& path, Component component,
                const std::map<std::string, Tensor>& tensors, const LoraSettings& settings) {
  check(tensors, settings.rank);
  const std::string prefix = lora_prefix(component);
  std::map<std::string, Tensor> named;
  for (const auto& [name, tensor] : tensors) named.emplace(prefix + name, tensor);
  const nlohmann::json metadata{{prefix + "r", settings.rank},
                                {prefix + "lora_alpha", number(settings.alpha)},
                                // diffusers asks for both, empty or not.
                                {prefix + "rank_pattern", nlohmann::json::object()},
                                {prefix + "alpha_pattern", nlohmann::json::object()},
                                {prefix + "target_modules", settings.targets}};
  write_safetensors(path, named, {{"format", "pt"}, {kAdapterMetadata, metadata.dump()}});
}

}  // namespace sd35
