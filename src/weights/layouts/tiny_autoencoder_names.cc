#include "weights/layouts/tiny_autoencoder_names.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace sd35 {
namespace {

constexpr std::string_view kTinyEncoder = "taesd_encoder.", kTinyDecoder = "taesd_decoder.";

// "12.weight", "4.conv.2.bias": the number that a name begins with, and what follows it.
struct NumberedName {
  int number = 0;
  std::string_view rest;
};

std::optional<NumberedName> numbered(std::string_view name) {
  NumberedName result;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), result.number);
  if (error != std::errc() || end == name.data() + name.size() || *end != '.' || result.number < 0)
    return std::nullopt;
  result.rest = name.substr(static_cast<std::size_t>(end - name.data()));
  const bool of_a_layer =
      result.rest == ".weight" || result.rest == ".bias" || result.rest.starts_with(".conv.");
  return of_a_layer ? std::optional(result) : std::nullopt;
}

std::string name_of_layer(bool decoder, const NumberedName& name) {
  return std::string(decoder ? "decoder" : "encoder") + ".layers." +
         std::to_string(name.number - (decoder ? 1 : 0)) + std::string(name.rest);
}

// The new name; nothing where the old one may stay. `alone`: the file is one half, without prefixes.
std::optional<std::string> renamed(std::string_view name, bool alone, bool decoder_alone) {
  if (alone) return name_of_layer(decoder_alone, *numbered(name));
  for (const std::string_view prefix : {kTinyEncoder, kTinyDecoder})
    if (name.starts_with(prefix))
      if (const auto layer = numbered(name.substr(prefix.size())))
        return name_of_layer(prefix == kTinyDecoder, *layer);
  return std::nullopt;
}

}  // namespace

void name_tiny_autoencoder(StoredTensors& tensors) {
  const bool alone = !tensors.empty() && std::ranges::all_of(tensors, [](const auto& t) {
    return numbered(t.first).has_value();
  });
  const bool decoder_alone = alone && !tensors.contains("0.weight");
  StoredTensors plain;
  while (!tensors.empty()) {
    auto node = tensors.extract(tensors.begin());
    if (auto name = renamed(node.key(), alone, decoder_alone)) node.key() = *std::move(name);
    plain.insert(std::move(node));
  }
  tensors = std::move(plain);
}

}  // namespace sd35
