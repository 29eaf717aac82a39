#include "train/growth.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "mmdit/config.h"
#include "vae/config.h"

namespace sd35::train {
namespace {

using nlohmann::json;

constexpr std::string_view kBlocks = "transformer_blocks.";

// "transformer_blocks.<index>."
std::string block_prefix(int index) { return std::string(kBlocks) + std::to_string(index) + "."; }

// Where each block of the old model is in the grown one.
std::vector<int> new_places_of_old_blocks(const std::vector<int>& after, int old) {
  std::vector<int> places;
  for (int block = 0; block < old; ++block)
    places.push_back(
        block + static_cast<int>(std::ranges::count_if(after, [&](int place) { return place <= block; })));
  return places;
}

StoredTensor zeros_like(const StoredTensor& tensor) {
  StoredTensor zeros = tensor;
  zeros.scale = 0;
  return zeros;
}

// The number after the prefix, and what comes after it: "<index>.<rest>".
std::pair<int, std::string_view> numbered(std::string_view name) {
  int index = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), index);
  return {index, name.substr(static_cast<std::size_t>(end - name.data()))};
}

StoredTensors grown_transformer(const std::vector<int>& after, int old_blocks, const WeightSource& old) {
  const std::vector<int> places = new_places_of_old_blocks(after, old_blocks);
  StoredTensors grown;
  for (const std::string& name : old.names()) {
    const StoredTensor& tensor = *old.find(name);
    if (!name.starts_with(kBlocks)) {
      grown.emplace(name, tensor);
      continue;
    }
    const auto [block, rest] = numbered(std::string_view(name).substr(kBlocks.size()));
    if (block >= old_blocks) continue;
    const int place = places[static_cast<std::size_t>(block)];
    grown.emplace(block_prefix(place) + std::string(rest.substr(1)), tensor);
    const auto copies = static_cast<int>(std::ranges::count(after, block + 1));
    for (int copy = 1; copy <= copies; ++copy) {
      const std::string prefix = block_prefix(place + copy);
      if (rest.starts_with(".attn2.") || rest.starts_with(".norm1.")) continue;
      if (!rest.starts_with(".norm1_context.")) {
        grown.emplace(prefix + std::string(rest.substr(1)), tensor);
        continue;
      }
      // The modulation of the image tokens has the same shape if there is no second attention.
      grown.emplace(prefix + std::string(rest.substr(1)), zeros_like(tensor));
      grown.emplace(prefix + "norm1" + std::string(rest.substr(std::string_view(".norm1_context").size())),
                    zeros_like(tensor));
    }
  }
  return grown;
}

// Residuals of a level in the old model and in the grown one.
struct Residuals {
  std::string level;  // "decoder.up_blocks.0.resnets."
  int old = 0, grown = 0;
};

StoredTensors grown_autoencoder(const std::vector<Residuals>& levels, const WeightSource& old) {
  StoredTensors grown;
  for (const std::string& name : old.names()) grown.emplace(name, *old.find(name));
  const auto copy = [&](const std::string& from, const std::string& to, bool zero) {
    for (const char* part : {".weight", ".bias"})
      if (const StoredTensor* tensor = old.find(from + part))
        grown.emplace(to + part, zero ? zeros_like(*tensor) : *tensor);
  };
  for (const Residuals& level : levels)
    for (int residual = level.old; residual < level.grown; ++residual) {
      // The second half has the same channels on both sides.
      const std::string last = level.level + std::to_string(level.old - 1);
      const std::string name = level.level + std::to_string(residual);
      copy(last + ".norm2", name + ".norm1", false);
      copy(last + ".conv2", name + ".conv1", false);
      copy(last + ".norm2", name + ".norm2", false);
      copy(last + ".conv2", name + ".conv2", true);
    }
  return grown;
}

int blocks_of(const ComponentConfig& config) {
  return MmditConfig::from_json(config.json, config.location).num_layers;
}

VaeConfig autoencoder_of(const ComponentConfig& config) {
  return VaeConfig::from_json(config.json, config.location);
}

}  // namespace

std::vector<int> places_of_new_blocks(const Growth& growth, int old) {
  const int count = growth.num_layers - old;
  const auto fail = [&](const std::string& what) {
    throw ArgumentError("grow: " + what + "; the model has " + std::to_string(old) + " blocks");
  };
  if (count < 1) fail("num_layers is " + std::to_string(growth.num_layers) + ", which is not deeper");
  std::vector<int> after = growth.after;
  if (after.empty()) {
    if (old < 2) fail("there is no place for new blocks: none comes after the last");
    for (int i = 1; i <= count; ++i) after.push_back(std::clamp(i * old / (count + 1), 1, old - 1));
  }
  std::ranges::sort(after);
  if (static_cast<int>(after.size()) != count)
    fail("'after' names " + std::to_string(after.size()) + " places, but num_layers " +
         std::to_string(growth.num_layers) + " takes " + std::to_string(count));
  if (after.front() < 1 || after.back() >= old)
    fail("'after' counts blocks from 1 to " + std::to_string(old - 1) + ", not " +
         std::to_string(after.front() < 1 ? after.front() : after.back()) + " (the last stays the last)");
  return after;
}

json grown_config(const Growth& growth, Component component, const ComponentConfig& old) {
  json grown = old.json;
  if (component == Component::transformer) {
    const MmditConfig config = MmditConfig::from_json(old.json, old.location);
    const std::vector<int> places =
        new_places_of_old_blocks(places_of_new_blocks(growth, config.num_layers), config.num_layers);
    json dual = json::array();
    for (std::size_t block = 0; block < places.size(); ++block)
      if (config.dual_attention[block]) dual.push_back(places[block]);
    grown["num_layers"] = growth.num_layers;
    if (!dual.empty()) grown["dual_attention_layers"] = dual;
    return grown;
  }
  const int layers = autoencoder_of(old).layers_per_block;
  if (growth.layers_per_block <= layers)
    throw ArgumentError("grow: layers_per_block is " + std::to_string(growth.layers_per_block) +
                        ", which is not deeper; the autoencoder has " + std::to_string(layers));
  grown["layers_per_block"] = growth.layers_per_block;
  return grown;
}

std::shared_ptr<const WeightSource> grown_weights(const Growth& growth, Component component,
                                                  const ComponentConfig& old_config,
                                                  const WeightSource& old) {
  if (component == Component::transformer) {
    const int blocks = blocks_of(old_config);
    return std::make_shared<StoredWeights>(
        old.location(), grown_transformer(places_of_new_blocks(growth, blocks), blocks, old));
  }
  const VaeConfig config = autoencoder_of(old_config);
  const int before = config.layers_per_block;
  std::vector<Residuals> levels;
  for (std::size_t i = 0; i < config.block_out_channels.size(); ++i) {
    const std::string level = std::to_string(i) + ".resnets.";
    levels.push_back({"encoder.down_blocks." + level, before, growth.layers_per_block});
    levels.push_back({"decoder.up_blocks." + level, before + 1, growth.layers_per_block + 1});
  }
  return std::make_shared<StoredWeights>(old.location(), grown_autoencoder(levels, old));
}

}  // namespace sd35::train
