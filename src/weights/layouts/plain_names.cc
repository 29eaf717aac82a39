#include "weights/layouts/plain_names.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "core/error.h"
#include "core/messages.h"

namespace sd35 {
namespace {

constexpr std::array<std::string_view, 4> kWrappers = {"module.", "_orig_mod.", "_fsdp_wrapped_module.",
                                                       "_checkpoint_wrapped_module."};

// A level that may be missing: how to recognize that, and what belongs below it.
struct MissingLevel {
  std::string_view level;
  std::string_view sign;
  std::array<std::string_view, 3> below;
};
constexpr std::array kMissingLevels = {
    MissingLevel{"text_model.",
                 "embeddings.token_embedding.",
                 {"embeddings.", "encoder.layers.", "final_layer_norm."}},
    MissingLevel{
        "encoder.", "block.0.layer.0.SelfAttention.", {"block.", "embed_tokens.", "final_layer_norm."}},
};

using Renamings = std::map<std::string, std::string>;

void rename(StoredTensors& tensors, const Renamings& renamings, const std::string& location) {
  for (const auto& [from, to] : renamings) {
    auto node = tensors.extract(from);
    node.key() = to;
    if (!tensors.insert(std::move(node)).inserted)
      throw FileError(
          location + ": two tensors map to " + in_quotes(to) + "; one of them is " + in_quotes(from), {},
          location);
  }
}

// `name` without the levels that wrap modules.
std::string unwrapped(const std::string& name) {
  std::string plain;
  for (const std::size_t at : levels_of(name)) {
    const std::size_t dot = name.find('.', at);
    const std::string level = name.substr(at, dot == name.npos ? dot : dot + 1 - at);
    if (std::ranges::find(kWrappers, level) == kWrappers.end()) plain += level;
  }
  return plain;
}

// What comes before `missing.sign`, where its level should be.
std::set<std::string> prefixes_without(const MissingLevel& missing, const StoredTensors& tensors) {
  std::set<std::string> prefixes;
  for (const auto& [name, tensor] : tensors)
    for (const std::size_t at : levels_of(name)) {
      const std::string prefix = name.substr(0, at);
      if (std::string_view(name).substr(at).starts_with(missing.sign) && !prefix.ends_with(missing.level) &&
          !prefix.ends_with("decoder."))
        prefixes.insert(prefix);
    }
  return prefixes;
}

Renamings with_level(const MissingLevel& missing, const StoredTensors& tensors) {
  Renamings renamings;
  for (const std::string& prefix : prefixes_without(missing, tensors))
    for (auto it = tensors.lower_bound(prefix); it != tensors.end() && it->first.starts_with(prefix); ++it) {
      const std::string rest = it->first.substr(prefix.size());
      if (std::ranges::any_of(missing.below, [&](std::string_view start) { return rest.starts_with(start); }))
        renamings[it->first] = prefix + std::string(missing.level) + rest;
    }
  return renamings;
}

}  // namespace

std::vector<std::size_t> levels_of(std::string_view name) {
  std::vector<std::size_t> levels{0};
  for (std::size_t dot = name.find('.'); dot != name.npos && dot + 1 < name.size();
       dot = name.find('.', dot + 1))
    levels.push_back(dot + 1);
  return levels;
}

void make_names_plain(StoredTensors& tensors, const std::string& location) {
  Renamings wrapped;
  for (const auto& [name, tensor] : tensors)
    if (std::string plain = unwrapped(name); plain != name && !plain.empty())
      wrapped[name] = std::move(plain);
  rename(tensors, wrapped, location);
  for (const MissingLevel& missing : kMissingLevels) rename(tensors, with_level(missing, tensors), location);
}

}  // namespace sd35
