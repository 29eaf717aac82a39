#include "core/type_names.h"

#include <array>
#include <utility>

#include "core/error.h"
#include "core/text_words.h"

namespace sd35 {

std::string canonical_type_name(std::string_view name) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 13> kSynonyms = {{
      {"float32", "f32"},
      {"fp32", "f32"},
      {"float", "f32"},
      {"float16", "f16"},
      {"fp16", "f16"},
      {"half", "f16"},
      {"bfloat16", "bf16"},
      {"bfloat", "bf16"},
      {"float8_e4m3fn", "f8_e4m3"},
      {"fp8_e4m3fn", "f8_e4m3"},
      {"float8_e5m2", "f8_e5m2"},
      {"fp8_e5m2", "f8_e5m2"},
      {"float64", "f64"},
  }};
  constexpr std::string_view kTorch = "torch.";
  std::string lower = in_small_letters(name);
  if (lower.starts_with(kTorch)) lower.erase(0, kTorch.size());
  for (const auto& [synonym, canonical] : kSynonyms)
    if (lower == synonym) return std::string(canonical);
  return lower;
}

DType dtype_from_name(std::string_view name, std::initializer_list<DType> possible) {
  const std::string canonical = canonical_type_name(name);
  std::string names;
  for (const DType dtype : possible) {
    if (name_of(dtype) == canonical) return dtype;
    names += (names.empty() ? "" : ", ") + std::string(name_of(dtype));
  }
  throw ArgumentError("the type '" + std::string(name) + "' is not possible here; possible are " + names);
}

DType compute_type_from_name(std::string_view name) {
  return dtype_from_name(name, {DType::f32, DType::bf16});
}

DType noise_type_from_name(std::string_view name) {
  return dtype_from_name(name, {DType::f32, DType::f16, DType::bf16});
}

}  // namespace sd35
