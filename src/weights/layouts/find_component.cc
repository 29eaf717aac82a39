#include "weights/layouts/find_component.h"

#include <algorithm>
#include <array>
#include <optional>
#include <tuple>

#include "core/error.h"
#include "core/messages.h"
#include "weights/layouts/plain_names.h"

namespace sd35 {
namespace {

using enum Component;

// Networks; both CLIPs are one.
enum class Network : std::uint8_t { clip, t5, transformer, vae };

Network network_of(Component component) {
  switch (component) {
    case Component::text_encoder_3:
      return Network::t5;
    case Component::transformer:
      return Network::transformer;
    case Component::vae:
      return Network::vae;
    default:
      return Network::clip;
  }
}

// What names of a network begin with, after any prefix, that no other network has.
struct Anchor {
  Network network;
  std::string_view start;
};
constexpr std::array kAnchors = {
    Anchor{Network::clip, "text_model.embeddings."},
    Anchor{Network::clip, "text_model.encoder.layers."},
    Anchor{Network::clip, "text_model.final_layer_norm."},
    Anchor{Network::t5, "encoder.block.0.layer."},
    Anchor{Network::t5, "encoder.final_layer_norm."},
    Anchor{Network::transformer, "joint_blocks."},
    Anchor{Network::transformer, "x_embedder.proj."},
    Anchor{Network::transformer, "pos_embed.proj."},
    Anchor{Network::transformer, "transformer_blocks.0.attn."},
    Anchor{Network::vae, "encoder.conv_in."},
    Anchor{Network::vae, "decoder.conv_in."},
    Anchor{Network::vae, "decoder.mid."},
    Anchor{Network::vae, "decoder.mid_block."},
    Anchor{Network::vae, "encoder.down."},
    Anchor{Network::vae, "encoder.down_blocks."},
    Anchor{Network::vae, "decoder.up."},
    Anchor{Network::vae, "decoder.up_blocks."},
    Anchor{Network::vae, "encoder.layers.0.weight"},  // the tiny one
    Anchor{Network::vae, "decoder.layers.0.weight"},
};

// Names that belong to a network, after its prefix.
constexpr std::array<std::string_view, 2> kInsideClip = {"text_model.", "text_projection"};
constexpr std::array<std::string_view, 2> kInsideT5 = {"shared.", "encoder."};
constexpr std::array<std::string_view, 11> kInsideTransformer = {
    "pos_embed",           "x_embedder.",   "t_embedder.",  "y_embedder.",
    "context_embedder.",   "joint_blocks.", "final_layer.", "time_text_embed.",
    "transformer_blocks.", "norm_out.",     "proj_out."};
constexpr std::array<std::string_view, 4> kInsideVae = {"encoder.", "decoder.", "quant_conv.",
                                                        "post_quant_conv."};

// Signs of files that are something else, the most certain first.
struct Sign {
  std::string_view part;  // of a name
  std::string_view meaning;
};
constexpr std::array kSigns = {
    Sign{"first_moment.", "a checkpoint of sd35 train, which the run goes on from (--resume) to its result"},
    Sign{"lora_A.", "a LoRA (name it as --lora)"},
    Sign{"lora_down.", "a LoRA (name it as --lora)"},
    Sign{"lora.down.", "a LoRA (name it as --lora)"},
    Sign{"hada_w1_a", "a LoHa (name it as --lora)"},
    Sign{"lokr_w1", "a LoKr (name it as --lora)"},
    Sign{"single_transformer_blocks.", "a transformer of Flux"},
    Sign{"double_blocks.", "a transformer of Flux"},
    Sign{"controlnet_blocks.", "a ControlNet"},
    Sign{"control_model.", "a ControlNet"},
    Sign{"input_blocks.", "a UNet of Stable Diffusion 1, 2 or XL"},
    Sign{"down_blocks.0.attentions.", "a UNet of Stable Diffusion 1, 2 or XL"},
    Sign{"resblocks.", "a CLIP under the names of OpenCLIP; those of transformers are read"},
    Sign{"vision_model.", "the image encoder of a CLIP"},
    Sign{"self_attn.q_proj", "a language model"},
};

// The published widths, for when the name does not say.
constexpr std::int64_t kWidthOfL = 768, kWidthOfG = 1280;

bool has_part(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

// Of weights that training averages beside the ones it trains.
bool is_average(std::string_view prefix) {
  return std::ranges::any_of(levels_of(prefix), [&](std::size_t at) {
    const std::string_view level = prefix.substr(at, prefix.find('.', at) - at);
    return level == "ema" || level == "shadow" || level.starts_with("ema_") || level.ends_with("_ema");
  });
}

using PrefixCounts = std::map<std::string, std::size_t>;

// A tensor of an update to a network is not part of the network.
bool is_update(std::string_view name) {
  return has_part(name, "lora_") || has_part(name, ".lora.") || has_part(name, ".hada_") ||
         has_part(name, ".lokr_") || has_part(name, "dora_scale");
}

// Whether what lies below `prefix` is another network with blocks of the same names.
bool is_other_transformer(const StoredTensors& tensors, const std::string& prefix) {
  return std::ranges::any_of(std::array{"single_transformer_blocks.", "double_blocks.", "controlnet_blocks."},
                             [&](const char* part) {
                               const auto first = tensors.lower_bound(prefix + part);
                               return first != tensors.end() && first->first.starts_with(prefix + part);
                             });
}

std::map<Network, PrefixCounts> count_prefixes(const StoredTensors& tensors) {
  std::map<Network, PrefixCounts> counts;
  for (const auto& [name, tensor] : tensors) {
    if (is_update(name)) continue;
    for (const std::size_t at : levels_of(name))
      for (const Anchor& anchor : kAnchors)
        if (std::string_view(name).substr(at).starts_with(anchor.start))
          ++counts[anchor.network][name.substr(0, at)];
  }
  auto& transformers = counts[Network::transformer];
  std::erase_if(transformers, [&](const auto& entry) { return is_other_transformer(tensors, entry.first); });
  std::erase_if(counts, [](const auto& entry) { return entry.second.empty(); });
  return counts;
}

// The best of several, for `component`.
std::string best_prefix(Component component, const PrefixCounts& counts) {
  const auto rank = [&](const PrefixCounts::value_type& entry) {
    const auto& [prefix, count] = entry;
    return std::tuple(!prefix.ends_with(original_prefix(component)), is_average(prefix),
                      -static_cast<double>(count), prefix.size());
  };
  return std::ranges::min_element(counts, {}, rank)->first;
}

// Which CLIP a prefix names.
std::optional<Component> clip_by_name(std::string_view prefix) {
  for (const std::string_view part :
       {"clip_g", "text_encoder_2", "text_encoders.1.", "embedders.1.", "cond_stage_model.1."})
    if (has_part(prefix, part)) return text_encoder_2;
  for (const std::string_view part :
       {"clip_l", "text_encoder.", "text_encoders.0.", "embedders.0.", "cond_stage_model."})
    if (has_part(prefix, part)) return text_encoder;
  return std::nullopt;
}

// 0 where the table is missing.
std::int64_t clip_width(const StoredTensors& tensors, const std::string& prefix) {
  const auto table = tensors.find(prefix + "text_model.embeddings.token_embedding.weight");
  return table == tensors.end() || table->second.shape.rank() != 2 ? 0 : table->second.shape[1];
}

// Which CLIP lies below `prefix`, if that is certain.
std::optional<Component> sure_clip(const StoredTensors& tensors, const std::string& prefix) {
  if (const auto named = clip_by_name(prefix)) return named;
  const std::int64_t width = clip_width(tensors, prefix);
  if (width == kWidthOfL) return text_encoder;
  return width == kWidthOfG ? std::optional(text_encoder_2) : std::nullopt;
}

// The CLIPs: those that are certain, then the others, the narrower one as L.
void add_clips(const StoredTensors& tensors, const PrefixCounts& counts, ComponentPrefixes& found) {
  std::map<Component, PrefixCounts> sure;
  std::vector<std::string> others, averages;
  for (const auto& [prefix, count] : counts) {
    if (const auto component = sure_clip(tensors, prefix))
      sure[*component][prefix] = count;
    else
      (is_average(prefix) ? averages : others).push_back(prefix);
  }
  if (others.empty()) others = averages;
  for (const auto& [component, prefixes] : sure) found[component] = best_prefix(component, prefixes);
  std::ranges::sort(others, {}, [&](const std::string& prefix) { return clip_width(tensors, prefix); });
  for (const std::string& prefix : others) {
    const Component component = found.contains(text_encoder) ? text_encoder_2 : text_encoder;
    found.emplace(component, prefix);
  }
}

template <std::size_t N>
bool starts_with_any(std::string_view name, const std::array<std::string_view, N>& starts) {
  return std::ranges::any_of(starts, [&](std::string_view start) { return name.starts_with(start); });
}

// "a transformer (name it as --transformer)" for all that is found.
std::string shown(const ComponentPrefixes& found) {
  constexpr std::array<std::string_view, 5> kShown = {"CLIP-L", "CLIP-G", "T5", "a transformer",
                                                      "an autoencoder"};
  std::string text, options;
  for (const auto& [component, prefix] : found) {
    text += (text.empty() ? "" : ", ") + std::string(kShown.at(static_cast<std::size_t>(component)));
    options += (options.empty() ? "" : ", ") + std::string(option_of(component));
  }
  return text + " (name it as " + options + ")";
}

// What no program binds: the temperature of CLIP's training, which some save with the text encoder.
bool is_known_stray(std::string_view name) { return name.ends_with("logit_scale"); }

}  // namespace

ComponentPrefixes find_components(const StoredTensors& tensors) {
  ComponentPrefixes found;
  for (const auto& [network, counts] : count_prefixes(tensors)) {
    if (network == Network::clip) add_clips(tensors, counts, found);
    for (const Component component : {text_encoder_3, transformer, vae})
      if (network_of(component) == network) found[component] = best_prefix(component, counts);
  }
  return found;
}

std::string find_component(Component component, const StoredTensors& tensors, const std::string& location) {
  const ComponentPrefixes found = find_components(tensors);
  if (const auto it = found.find(component); it != found.end()) return it->second;
  // A CLIP alone whose name and width say nothing is the one it was named as.
  const Component other = component == text_encoder ? text_encoder_2 : text_encoder;
  if (network_of(component) == Network::clip)
    if (const auto it = found.find(other); it != found.end() && !sure_clip(tensors, it->second))
      return it->second;
  throw FileError(location + ": there is no " + std::string(folder_of(component)) +
                      " in it; it seems to hold " + likely_content(tensors),
                  {}, location);
}

bool is_inside(Component component, std::string_view name) {
  switch (network_of(component)) {
    case Network::clip:
      return starts_with_any(name, kInsideClip);
    case Network::t5:
      return starts_with_any(name, kInsideT5);
    case Network::transformer:
      return starts_with_any(name, kInsideTransformer);
    case Network::vae:
      return starts_with_any(name, kInsideVae);
  }
  return false;
}

std::vector<std::string> strays(const StoredTensors& tensors, const ComponentPrefixes& found) {
  std::vector<std::string> list;
  for (const auto& [name, tensor] : tensors) {
    const bool belongs = std::ranges::any_of(found, [&name = name](const auto& entry) {
      return name.starts_with(entry.second) &&
             is_inside(entry.first, std::string_view(name).substr(entry.second.size()));
    });
    if (!belongs && !is_known_stray(name)) list.push_back(name);
  }
  return list;
}

std::string likely_content(const StoredTensors& tensors) {
  if (tensors.empty()) return "no tensors at all";
  for (const Sign& sign : kSigns)
    for (const auto& [name, tensor] : tensors)
      if (has_part(name, sign.part) && !has_part(name, "text_model.")) return std::string(sign.meaning);
  const ComponentPrefixes found = find_components(tensors);
  if (!found.empty()) return shown(found);
  ProblemList names;
  for (const auto& [name, tensor] : tensors) names.add(in_quotes(name));
  return "nothing of Stable Diffusion 3.5; its tensors are called " + names.text();
}

std::string_view option_of(Component component) {
  constexpr std::array<std::string_view, 5> kOptions = {"--clip-l", "--clip-g", "--t5xxl", "--transformer",
                                                        "--vae"};
  return kOptions.at(static_cast<std::size_t>(component));
}

}  // namespace sd35
