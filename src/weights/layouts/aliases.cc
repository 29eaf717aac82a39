#include "weights/layouts/aliases.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <string_view>

#include "core/error.h"
#include "core/messages.h"

namespace sd35 {
namespace {

// What happens to the elements on the way from the original tensor to the diffusers one.
enum class Arrangement : std::uint8_t {
  same,
  rows_of_three,  // q, k and v lie one after another
  swapped,        // (shift, scale) becomes (scale, shift)
  swapped_last,   // the same, in the last block only
  pointwise,      // a convolution [out, in, 1, 1] becomes a linear layer [out, in]
  reversed,       // unchanged, but the first number of the name counts from the other end
};

// Names without ".weight" or ".bias"; {} stands for a number.
struct Alias {
  std::string original;
  std::vector<std::string> diffusers;  // three for rows_of_three
  Arrangement arrangement = Arrangement::same;
};

void add_stream(std::vector<Alias>& table, const std::string& stream, const std::string& q,
                const std::string& k, const std::string& v, const std::string& norm, const std::string& out,
                const std::string& attention) {
  const std::string from = "joint_blocks.{}." + stream + "." + attention,
                    to = "transformer_blocks.{}." + attention;
  table.push_back({from + ".qkv", {to + q, to + k, to + v}, Arrangement::rows_of_three});
  table.push_back({from + ".ln_q", {to + norm + "q"}});
  table.push_back({from + ".ln_k", {to + norm + "k"}});
  table.push_back({from + ".proj", {to + out}});
}

std::vector<Alias> transformer_aliases() {
  std::vector<Alias> table = {
      {"pos_embed", {"pos_embed.pos_embed"}},
      {"x_embedder.proj", {"pos_embed.proj"}},
      {"t_embedder.mlp.0", {"time_text_embed.timestep_embedder.linear_1"}},
      {"t_embedder.mlp.2", {"time_text_embed.timestep_embedder.linear_2"}},
      {"y_embedder.mlp.0", {"time_text_embed.text_embedder.linear_1"}},
      {"y_embedder.mlp.2", {"time_text_embed.text_embedder.linear_2"}},
      {"context_embedder", {"context_embedder"}},
      {"final_layer.adaLN_modulation.1", {"norm_out.linear"}, Arrangement::swapped},
      {"final_layer.linear", {"proj_out"}},
      {"joint_blocks.{}.x_block.adaLN_modulation.1", {"transformer_blocks.{}.norm1.linear"}},
      {"joint_blocks.{}.x_block.mlp.fc1", {"transformer_blocks.{}.ff.net.0.proj"}},
      {"joint_blocks.{}.x_block.mlp.fc2", {"transformer_blocks.{}.ff.net.2"}},
      {"joint_blocks.{}.context_block.adaLN_modulation.1",
       {"transformer_blocks.{}.norm1_context.linear"},
       Arrangement::swapped_last},
      {"joint_blocks.{}.context_block.mlp.fc1", {"transformer_blocks.{}.ff_context.net.0.proj"}},
      {"joint_blocks.{}.context_block.mlp.fc2", {"transformer_blocks.{}.ff_context.net.2"}},
  };
  add_stream(table, "x_block", ".to_q", ".to_k", ".to_v", ".norm_", ".to_out.0", "attn");
  add_stream(table, "x_block", ".to_q", ".to_k", ".to_v", ".norm_", ".to_out.0", "attn2");
  add_stream(table, "context_block", ".add_q_proj", ".add_k_proj", ".add_v_proj", ".norm_added_",
             ".to_add_out", "attn");
  return table;
}

std::vector<Alias> vae_aliases() {
  std::vector<Alias> table;
  const auto add_block = [&](const std::string& from, const std::string& to, Arrangement arrangement) {
    for (const std::string layer : {".norm1", ".conv1", ".norm2", ".conv2"})
      table.push_back({from + layer, {to + layer}, arrangement});
    table.push_back({from + ".nin_shortcut", {to + ".conv_shortcut"}, arrangement});
  };
  for (const std::string half : {"encoder", "decoder"}) {
    table.push_back({half + ".conv_in", {half + ".conv_in"}});
    table.push_back({half + ".conv_out", {half + ".conv_out"}});
    table.push_back({half + ".norm_out", {half + ".conv_norm_out"}});
    add_block(half + ".mid.block_1", half + ".mid_block.resnets.0", Arrangement::same);
    add_block(half + ".mid.block_2", half + ".mid_block.resnets.1", Arrangement::same);
    const std::string from = half + ".mid.attn_1.", to = half + ".mid_block.attentions.0.";
    table.push_back({from + "norm", {to + "group_norm"}});
    table.push_back({from + "q", {to + "to_q"}, Arrangement::pointwise});
    table.push_back({from + "k", {to + "to_k"}, Arrangement::pointwise});
    table.push_back({from + "v", {to + "to_v"}, Arrangement::pointwise});
    table.push_back({from + "proj_out", {to + "to_out.0"}, Arrangement::pointwise});
  }
  add_block("encoder.down.{}.block.{}", "encoder.down_blocks.{}.resnets.{}", Arrangement::same);
  table.push_back({"encoder.down.{}.downsample.conv", {"encoder.down_blocks.{}.downsamplers.0.conv"}});
  // The decoder runs its highest level first, and diffusers counts in the order of running.
  add_block("decoder.up.{}.block.{}", "decoder.up_blocks.{}.resnets.{}", Arrangement::reversed);
  table.push_back(
      {"decoder.up.{}.upsample.conv", {"decoder.up_blocks.{}.upsamplers.0.conv"}, Arrangement::reversed});
  return table;
}

const std::vector<Alias>& aliases_of(Component component) {
  static const std::vector<Alias> transformer = transformer_aliases(), vae = vae_aliases(), none;
  if (component == Component::transformer) return transformer;
  return component == Component::vae ? vae : none;
}

using Numbers = std::vector<int>;  // what {} stood for

// The numbers in `name` where it has the form of `pattern`.
std::optional<Numbers> match(std::string_view pattern, std::string_view name) {
  constexpr std::size_t kMostDigits = 4;
  Numbers numbers;
  while (!pattern.empty()) {
    if (!pattern.starts_with("{}")) {
      if (name.empty() || name.front() != pattern.front()) return std::nullopt;
      name.remove_prefix(1);
      pattern.remove_prefix(1);
      continue;
    }
    const std::size_t digits = std::min(name.find_first_not_of("0123456789"), name.size());
    if (digits == 0 || digits > kMostDigits || (digits > 1 && name.front() == '0')) return std::nullopt;
    numbers.push_back(std::stoi(std::string(name.substr(0, digits))));
    name.remove_prefix(digits);
    pattern.remove_prefix(2);
  }
  return name.empty() ? std::optional(numbers) : std::nullopt;
}

std::string fill(std::string_view pattern, const Numbers& numbers) {
  std::string name;
  for (const int number : numbers) {
    const std::size_t place = pattern.find("{}");
    name += std::string(pattern.substr(0, place)) + std::to_string(number);
    pattern.remove_prefix(place + 2);
  }
  return name.append(pattern);
}

struct SplitName {
  std::string stem, suffix;
};

SplitName split(const std::string& name) {
  for (const std::string suffix : {".weight", ".bias"})
    if (name.ends_with(suffix)) return {name.substr(0, name.size() - suffix.size()), suffix};
  return {name, ""};
}

// The highest number after `prefix` in any name; -1 without one.
template <class Map>
int highest_number(const Map& tensors, const std::string& prefix) {
  int highest = -1;
  for (auto it = tensors.lower_bound(prefix); it != tensors.end() && it->first.starts_with(prefix); ++it) {
    const std::string_view rest = std::string_view(it->first).substr(prefix.size());
    const std::optional<Numbers> number = match("{}", rest.substr(0, rest.find('.')));
    if (number) highest = std::max(highest, number->front());
  }
  return highest;
}

// What the numbers of a name mean in the model at hand.
struct Depth {
  int last_block;  // of the transformer
  int last_level;  // of the decoder

  bool swaps(const Alias& alias, const Numbers& numbers) const {
    return alias.arrangement == Arrangement::swapped ||
           (alias.arrangement == Arrangement::swapped_last && numbers.front() == last_block);
  }
  // From one layout's numbers to the other's, either way.
  Numbers translate(const Alias& alias, Numbers numbers) const {
    if (alias.arrangement == Arrangement::reversed) numbers.front() = last_level - numbers.front();
    return numbers;
  }
};

// `count` equal runs of rows of a tensor as it lies in the file. Throws FileError.
std::vector<StoredTensor> cut_rows(const std::string& name, const StoredTensor& tensor, std::int64_t count,
                                   const std::string& location) {
  if (tensor.shape.rank() == 0 || tensor.shape[0] % count != 0 || tensor.segments.size() != 1)
    throw FileError(location + ": tensor " + in_quotes(name) + " of shape " + tensor.shape.to_string() +
                        " has no rows that divide by " + std::to_string(count),
                    {}, location);
  std::vector<std::int64_t> dims(tensor.shape.dims().begin(), tensor.shape.dims().end());
  dims[0] /= count;
  if (tensor.encoding && Shape(dims).numel() % tensor.encoding->group_elements() != 0)
    throw FileError(location + ": tensor " + in_quotes(name) + " of shape " + tensor.shape.to_string() +
                        " is encoded in groups that reach from one part into the next",
                    {}, location);
  StoredTensor part = tensor;
  part.shape = Shape(std::move(dims));
  const std::size_t bytes = tensor.segments[0].size() / static_cast<std::size_t>(count);
  std::vector<StoredTensor> parts;
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    part.segments = {tensor.segments[0].subspan(i * bytes, bytes)};
    parts.push_back(part);
  }
  return parts;
}

// The diffusers tensors that an original one becomes.
std::vector<StoredTensor> arrange(const Alias& alias, bool swap, const std::string& name,
                                  const StoredTensor& tensor, const std::string& location) {
  if (alias.arrangement == Arrangement::rows_of_three) return cut_rows(name, tensor, 3, location);
  StoredTensor result = tensor;
  if (swap) {
    const std::vector<StoredTensor> halves = cut_rows(name, tensor, 2, location);
    result.segments = {halves[1].segments[0], halves[0].segments[0]};
  }
  const Shape& shape = tensor.shape;
  if (alias.arrangement == Arrangement::pointwise && shape.rank() == 4 && shape[2] == 1 && shape[3] == 1)
    result.shape = {shape[0], shape[1]};
  return {result};
}

// Where a diffusers tensor goes in the original layout.
struct Destination {
  const Alias* alias;
  std::string name;
  std::size_t part;  // of rows_of_three
  bool swap;
};

std::optional<Destination> destination_of(const std::vector<Alias>& aliases, const Depth& depth,
                                          const std::string& name) {
  const auto [stem, suffix] = split(name);
  for (const Alias& alias : aliases)
    for (std::size_t part = 0; part < alias.diffusers.size(); ++part)
      if (const std::optional<Numbers> numbers = match(alias.diffusers[part], stem))
        return Destination{&alias, fill(alias.original, depth.translate(alias, *numbers)) + suffix, part,
                           depth.swaps(alias, *numbers)};
  return std::nullopt;
}

// Adds `shape` below the existing rows.
Shape stack(const Shape& rows, const Shape& shape) {
  if (rows.rank() == 0) return shape;
  std::vector<std::int64_t> dims(rows.dims().begin(), rows.dims().end());
  dims.front() += shape[0];
  return Shape(std::move(dims));
}

}  // namespace

StoredTensors from_original(Component component, const StoredTensors& original, const std::string& location) {
  const std::vector<Alias>& aliases = aliases_of(component);
  const Depth depth{highest_number(original, "joint_blocks."), highest_number(original, "decoder.up.")};
  StoredTensors result;
  const auto add = [&](const std::string& name, const StoredTensor& tensor) {
    if (!result.emplace(name, tensor).second)
      throw FileError(location + ": two tensors map to " + in_quotes(name) +
                          "; the file mixes the original and the diffusers layout",
                      {}, location);
  };
  for (const auto& [name, tensor] : original) {
    const auto [stem, suffix] = split(name);
    const Alias* known = nullptr;
    for (const Alias& alias : aliases) {
      const std::optional<Numbers> numbers = match(alias.original, stem);
      if (!numbers) continue;
      known = &alias;
      const std::vector<StoredTensor> parts =
          arrange(alias, depth.swaps(alias, *numbers), name, tensor, location);
      for (std::size_t i = 0; i < parts.size(); ++i)
        add(fill(alias.diffusers[i], depth.translate(alias, *numbers)) + suffix, parts[i]);
      break;
    }
    if (known == nullptr) add(name, tensor);
  }
  return result;
}

std::vector<OriginalTensor> to_original(Component component, const std::map<std::string, Shape>& tensors) {
  const std::vector<Alias>& aliases = aliases_of(component);
  const std::string prefix(original_prefix(component));
  const Depth depth{highest_number(tensors, "transformer_blocks."),
                    highest_number(tensors, "decoder.up_blocks.")};
  std::map<std::string, OriginalTensor> result;
  std::map<std::string, std::set<std::size_t>> fused;  // parts seen so far
  for (const auto& [name, shape] : tensors) {
    const std::int64_t rows = shape.rank() == 0 ? 1 : shape[0];
    if (aliases.empty()) {
      result[name] = {prefix + name, shape, {{name, 0, rows}}};
      continue;
    }
    const std::optional<Destination> to = destination_of(aliases, depth, name);
    if (!to) throw ArgumentError("tensor " + in_quotes(name) + " has no place in the original layout");
    OriginalTensor& target = result[to->name];
    target.name = prefix + to->name;
    if (to->alias->arrangement == Arrangement::rows_of_three) {
      // The map goes through to_k, to_q, to_v: the parts find their places by number.
      target.parts.resize(3);
      target.parts[to->part] = {name, 0, rows};
      target.shape = stack(target.shape, shape);
      fused[to->name].insert(to->part);
    } else if (to->swap) {
      target.parts = {{name, rows / 2, rows}, {name, 0, rows / 2}};
      target.shape = shape;
    } else {
      target.parts = {{name, 0, rows}};
      target.shape = to->alias->arrangement == Arrangement::pointwise && shape.rank() == 2
                         ? Shape{shape[0], shape[1], 1, 1}
                         : shape;
    }
  }
  for (const auto& [name, parts] : fused)
    if (parts.size() != 3) throw ArgumentError("the original " + in_quotes(name) + " needs q, k and v");
  std::vector<OriginalTensor> list;
  list.reserve(result.size());
  for (auto& [name, tensor] : result) list.push_back(std::move(tensor));
  return list;
}

}  // namespace sd35
