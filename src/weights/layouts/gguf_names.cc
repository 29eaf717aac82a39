#include <algorithm>
#include <array>
#include <optional>

#include "core/error.h"
#include "core/messages.h"
#include "weights/files/gguf.h"

namespace sd35 {
namespace {

struct Renaming {
  std::string_view gguf, transformers;
};

constexpr std::string_view kLlamaBlock = "enc.blk.", kBlock = "encoder.block.";

// What llama.cpp calls the tensors of T5's encoder: as they are, and after "enc.blk.N.".
constexpr std::array kT5 = {
    Renaming{"token_embd.weight", "shared.weight"},
    Renaming{"enc.output_norm.weight", "encoder.final_layer_norm.weight"},
};
constexpr std::array kT5Block = {
    Renaming{"attn_norm.weight", "layer.0.layer_norm.weight"},
    Renaming{"attn_q.weight", "layer.0.SelfAttention.q.weight"},
    Renaming{"attn_k.weight", "layer.0.SelfAttention.k.weight"},
    Renaming{"attn_v.weight", "layer.0.SelfAttention.v.weight"},
    Renaming{"attn_o.weight", "layer.0.SelfAttention.o.weight"},
    Renaming{"attn_rel_b.weight", "layer.0.SelfAttention.relative_attention_bias.weight"},
    Renaming{"ffn_norm.weight", "layer.1.layer_norm.weight"},
    Renaming{"ffn_gate.weight", "layer.1.DenseReluDense.wi_0.weight"},
    Renaming{"ffn_up.weight", "layer.1.DenseReluDense.wi_1.weight"},
    Renaming{"ffn_down.weight", "layer.1.DenseReluDense.wo.weight"},
};

// `name` with the member `from` of a renaming replaced by `to`; nothing where no renaming applies.
std::optional<std::string> rename_t5(const std::string& name, std::string_view Renaming::*from,
                                     std::string_view Renaming::*to) {
  for (const Renaming& renaming : kT5)
    if (name == renaming.*from) return std::string(renaming.*to);
  const bool llama = from == &Renaming::gguf;
  const std::string_view before = llama ? kLlamaBlock : kBlock, after = llama ? kBlock : kLlamaBlock;
  const std::size_t dot = name.find('.', before.size());
  if (!name.starts_with(before) || dot == name.npos) return std::nullopt;
  for (const Renaming& renaming : kT5Block)
    if (std::string_view(name).substr(dot + 1) == renaming.*from)
      return std::string(after) + name.substr(before.size(), dot + 1 - before.size()) +
             std::string(renaming.*to);
  return std::nullopt;
}

// `name` is `end`, alone or after a dot.
bool ends_in(std::string_view name, std::string_view end) {
  return name == end || (name.ends_with(end) && name[name.size() - end.size() - 1] == '.');
}

}  // namespace

std::string llama_name(const std::string& name) {
  return rename_t5(name, &Renaming::transformers, &Renaming::gguf).value_or(name);
}

void restore_names(StoredTensors& tensors, const std::string& location) {
  constexpr std::string_view kTable = "pos_embed";
  // As stable-diffusion.cpp calls the projection of a CLIP.
  constexpr std::string_view kProjection = "text_model.text_projection", kOurs = "text_projection.weight";
  StoredTensors result;
  for (auto& [name, tensor] : tensors) {
    std::string restored = rename_t5(name, &Renaming::gguf, &Renaming::transformers).value_or(name);
    if (restored.ends_with(kProjection))
      restored.replace(restored.size() - kProjection.size(), kProjection.size(), kOurs);
    if (ends_in(restored, kTable) && tensor.shape.rank() == 2)
      tensor.shape = {1, tensor.shape[0], tensor.shape[1]};
    if (!result.emplace(restored, std::move(tensor)).second)
      throw FileError(location + ": two tensors map to " + in_quotes(restored), {}, location);
  }
  tensors = std::move(result);
}

}  // namespace sd35
