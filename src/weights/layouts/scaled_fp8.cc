#include "weights/layouts/scaled_fp8.h"

#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/config_file.h"
#include "core/error.h"
#include "core/location.h"
#include "core/messages.h"

namespace sd35 {
namespace {

constexpr std::array<std::string_view, 2> kScales = {".scale_weight", ".weight_scale"};
constexpr std::array<std::string_view, 4> kDropped = {".scale_input", ".input_scale", ".comfy_quant",
                                                      ".scaled_fp8"};
constexpr std::string_view kMarker = "scaled_fp8";  // where it has no prefix

// The part of `name` before the first of `suffixes` that it ends with; empty if it ends with none.
template <std::size_t N>
std::string stem(const std::string& name, const std::array<std::string_view, N>& suffixes) {
  for (const std::string_view suffix : suffixes)
    if (name.ends_with(suffix)) return name.substr(0, name.size() - suffix.size());
  return "";
}

// A layer may say how it is quantized: only fp8 is read here.
void check_format(const std::string& name, const StoredTensor& tensor, const std::string& location) {
  const std::span<const std::byte> bytes = tensor.segments.at(0);
  const Location where(location + ": tensor " + in_quotes(name), location);
  const nlohmann::json json =
      parse_json_object({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, where);
  ConfigReader(json, where).choice("format", {"float8_e4m3fn", "float8_e5m2"});
}

float read_scale(const std::string& name, const StoredTensor& tensor, const std::string& location) {
  const auto fail = [&](const std::string& what) {
    throw FileError(location + ": tensor " + in_quotes(name) + " " + what +
                        "; a scale of fp8 weights must be one positive number",
                    {}, location);
  };
  if (tensor.shape.numel() != 1) fail("has shape " + tensor.shape.to_string());
  if (!is_float(tensor.dtype)) fail("is of type " + std::string(name_of(tensor.dtype)));
  const float scale = tensor.read().to(DType::f32).data<float>()[0];
  if (!std::isfinite(scale) || scale <= 0) fail("is " + std::to_string(scale));
  return scale;
}

}  // namespace

void apply_fp8_scales(StoredTensors& tensors, const std::string& location) {
  for (auto it = tensors.begin(); it != tensors.end();) {
    const auto& [name, tensor] = *it;
    const std::string layer = stem(name, kScales);
    if (layer.empty() && stem(name, kDropped).empty() && name != kMarker) {
      ++it;
      continue;
    }
    if (name.ends_with(".comfy_quant")) check_format(name, tensor, location);
    if (!layer.empty()) {
      const auto weight = tensors.find(layer + ".weight");
      if (weight == tensors.end())
        throw FileError(location + ": tensor " + in_quotes(name) + " scales " + in_quotes(layer + ".weight") +
                            ", which is missing",
                        {}, location);
      if (weight->second.dtype != DType::f8_e4m3 && weight->second.dtype != DType::f8_e5m2)
        throw FileError(location + ": tensor " + in_quotes(weight->first) + " has a scale but is of type " +
                            std::string(name_of(weight->second.dtype)) +
                            "; only fp8 weights with a scale are read",
                        {}, location);
      weight->second.scale = read_scale(name, tensor, location);
    }
    it = tensors.erase(it);
  }
}

}  // namespace sd35
