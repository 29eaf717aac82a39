// Which tensor of a component becomes what.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "convert/format.h"
#include "core/location.h"
#include "weights/layouts/component.h"
#include "weights/parameters.h"
#include "weights/source.h"

namespace sd35 {

// Why a tensor has the format it has.
enum class Role : std::uint8_t {
  weight,       // of a linear layer: what is quantized
  sensitive,    // of a linear layer that every picture goes through once: patches, timestep, prompt, result
  convolution,  // and everything else in the autoencoder
  embedding,    // tables
  vector,       // biases and norms
};

// "linear layers", "sensitive layers", ...
std::string_view name_of(Role role);

struct PlannedTensor {
  std::string name;  // diffusers layout, in its component
  const StoredTensor* source = nullptr;
  Role role = Role::weight;
  Format format;
};

// What the component's tensors become. Plain types (f32, f16, bf16) hold everything. Smaller ones hold the
// weights of linear layers whose rows they divide; everything else stays as it is stored, or becomes bf16 if
// it is wider or encoded; biases and norms keep f32, but become bf16 beside plain fp8. Files of GGUF hold
// everything with one dimension, or of 1024 elements or less, as f32, as ComfyUI-GGUF writes them. As stored:
// except for that last rule, everything keeps its bytes. Throws ArgumentError where the layout cannot hold
// that, FileError when tensors are missing, unused or of a shape that `config` (at `location`) does not
// describe.
std::vector<PlannedTensor> plan_component(Component component, const nlohmann::json& config,
                                          const Location& location, const WeightSource& source,
                                          const Format& format, Layout layout);

}  // namespace sd35
