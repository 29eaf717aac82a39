#include "mmdit/transformer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <utility>

#include "core/error.h"

namespace sd35 {
namespace {

constexpr int kTimestepFeatures = 256;

// Rows of x [B, N, D]: [B, K, D].
Tensor taken(const Ops& ops, const Tensor& x, const Tensor& rows) {
  return ops.embedding(x.reshape({x.dim(0) * x.dim(1), x.dim(2)}), rows);
}

// x [B, N, D] with `some` [B, K, D] in the place of the rows that they were taken from.
Tensor put_back(const Ops& ops, const Tensor& x, const Tensor& some, const Tensor& rows) {
  const std::int64_t B = x.dim(0), N = x.dim(1), K = some.dim(1), D = x.dim(2);
  Tensor ids({B, N}, DType::i32);
  const std::span<std::int32_t> sources(ids.data<std::int32_t>(), static_cast<std::size_t>(B * N));
  std::iota(sources.begin(), sources.end(), 0);
  for (std::int64_t i = 0; i < B * K; ++i)
    sources[static_cast<std::size_t>(rows.data<std::int32_t>()[i])] = static_cast<std::int32_t>(B * N + i);
  const std::array both{x.reshape({B * N, D}), some.reshape({B * K, D})};
  return ops.embedding(ops.concat(both, 0), ids);
}

}  // namespace

Tensor timestep_features(std::span<const float> timesteps, int dim) {
  const int half = dim / 2;
  Tensor features({static_cast<std::int64_t>(timesteps.size()), dim}, DType::f32);
  float* row = features.data<float>();
  for (const float t : timesteps) {
    for (int k = 0; k < half; ++k) {
      // f32 throughout, as the reference: at t = 1000 the rounding of the angle shows.
      const float frequency =
          std::exp(-std::log(10000.0f) * static_cast<float>(k) / static_cast<float>(half));
      const float angle = t * frequency;
      row[k] = std::cos(angle);
      row[half + k] = std::sin(angle);
    }
    row += dim;
  }
  return features;
}

Transformer::Transformer(MmditConfig config) : config_(std::move(config)) {
  for (int i = 0; i < config_.num_layers; ++i) blocks_.emplace_back(config_, i);
}

void Transformer::parameters(const Parameters& p) {
  const std::int64_t D = config_.width();
  const std::int64_t side = config_.pos_embed_max_size;
  const Parameters pos_embed = p.scope("pos_embed");
  pos_embed.tensor("pos_embed", position_table_, {1, side * side, D}, ParameterKind::position_table);
  pos_embed.patch_linear("proj", patch_projection_, D, config_.in_channels, config_.patch_size);

  const Parameters time_text = p.scope("time_text_embed");
  time_text.scope("timestep_embedder").linear("linear_1", timestep_1_, D, kTimestepFeatures);
  time_text.scope("timestep_embedder").linear("linear_2", timestep_2_, D, D);
  time_text.scope("text_embedder").linear("linear_1", pooled_1_, D, config_.pooled_projection_dim);
  time_text.scope("text_embedder").linear("linear_2", pooled_2_, D, D);
  p.linear("context_embedder", context_projection_, D, config_.joint_attention_dim);

  if (!provider_)
    for (std::size_t i = 0; i < blocks_.size(); ++i)
      blocks_[i].parameters(block_scope(p, static_cast<std::int64_t>(i)));

  p.scope("norm_out").linear("linear", final_modulation_, 2 * D, D, true, ParameterKind::modulation);
  const std::int64_t patch = static_cast<std::int64_t>(config_.patch_size) * config_.patch_size;
  p.linear("proj_out", final_projection_, patch * config_.out_channels, D);
}

Parameters Transformer::block_scope(const Parameters& p, std::int64_t index) {
  return p.scope("transformer_blocks").scope(index);
}

Tensor Transformer::forward(const Ops& ops, const TransformerInput& input) const {
  const std::int64_t D = config_.width();
  if (!input.references.empty() && (!input.origins.empty() || input.route.through.defined()))
    throw ArgumentError("reference pictures have neither origins nor a route");
  if (!input.block_residuals.empty() && !input.cache.empty())
    throw ArgumentError("a block cache does not support residuals");
  Streams streams;
  streams.x = embed_pictures(ops, input);  // [B, N, D]
  streams.y =
      ops.linear(input.prompt_embedding, context_projection_, Activation::none, Out::f32);  // [B, M, D]
  streams.last_count = input.last_token_count;
  const Tensor conditioning = embed_conditioning(ops, input);  // [B, D]
  ops.tap("x", streams.x);
  ops.tap("y", streams.y);

  Tensor x = input.cache.empty() ? run_blocks(ops, 0, std::move(streams), conditioning, input).x
                                 : run_cached(ops, std::move(streams), conditioning, input);  // [B, N, D]
  const std::int64_t rows = input.latents.dim(2) / config_.patch_size,
                     columns = input.latents.dim(3) / config_.patch_size;
  if (!input.references.empty()) x = ops.slice(x, 1, x.dim(1) - rows * columns, x.dim(1));

  // AdaLayerNormContinuous keeps the scale before the shift.
  const Tensor modulation =
      ops.linear(conditioning, final_modulation_, Activation::none, Out::f32);  // [B, 2 D]
  const std::vector<Tensor> vectors = ops.split(modulation, 1, D);              // scale, shift [B, D]
  const Tensor tokens = ops.linear(ops.norm_modulate(x, vectors[1], vectors[0], kNormEps), final_projection_,
                                   Activation::none, Out::f32);  // [B, N, p p C]
  return unpatchify(ops, tokens, rows, columns);
}

Streams Transformer::run_blocks(const Ops& ops, int first, Streams streams, const Tensor& conditioning,
                                const TransformerInput& input) const {
  const TokenRoute& route = input.route;
  Tensor all;  // tokens in front of the route
  for (int i = first; i < config_.num_layers; ++i) {
    if (route.through.defined() && i == route.first) {
      all = streams.x;
      streams.x = taken(ops, all, route.through);  // [B, K, D]
    }
    if (std::ranges::find(input.skip_layers, i) == input.skip_layers.end())
      streams = run_block(ops, i, std::move(streams), conditioning);
    const auto index = static_cast<std::size_t>(i);
    if (index < input.block_residuals.size() && input.block_residuals[index].defined())
      streams.x = ops.add(std::move(streams.x), input.block_residuals[index]);
    if (all.defined() && i == route.last)
      streams.x = put_back(ops, std::exchange(all, {}), streams.x, route.through);  // [B, N, D]
    ops.tap("block" + std::to_string(i) + ".x", streams.x);
    if (input.on_tokens) input.on_tokens(i, streams.x);
    if (input.on_block) input.on_block(i);
  }
  return streams;
}

Tensor Transformer::run_cached(const Ops& ops, Streams streams, const Tensor& conditioning,
                               const TransformerInput& input) const {
  const std::int64_t B = streams.x.dim(0);
  if (static_cast<std::int64_t>(input.cache.size()) != B)
    throw ArgumentError(std::to_string(input.cache.size()) + " block caches for " + std::to_string(B) +
                        " pictures");
  const Tensor before = streams.x;
  streams = run_block(ops, 0, std::move(streams), conditioning);
  ops.tap("block0.x", streams.x);
  if (input.on_block) input.on_block(0);

  const auto added = [&](std::int64_t b) {
    return ops.subtract(streams.x.rows(b, b + 1), before.rows(b, b + 1));  // [1, N, D]
  };
  const auto is_near = [&](const Tensor& first, std::int64_t b) {
    const Tensor& then = input.cache[static_cast<std::size_t>(b)].first;
    return then.defined() && then.shape() == first.shape() &&
           ops.nearly_equal(first, then, input.cache_threshold);
  };
  std::vector<Tensor> results;  // of some pictures each
  for (std::int64_t begin = 0; begin < B;) {
    Tensor first = added(begin);
    if (is_near(first, begin)) {
      results.push_back(
          ops.add(streams.x.rows(begin, begin + 1), input.cache[static_cast<std::size_t>(begin)].others));
      ++begin;
      continue;
    }
    // Adjacent pictures that must be run too are run together.
    std::vector<Tensor> firsts{std::move(first)};
    std::int64_t end = begin + 1;
    for (; end < B; ++end) {
      first = added(end);
      if (is_near(first, end)) break;
      firsts.push_back(std::move(first));
    }
    const Streams run =
        run_blocks(ops, 1, {streams.x.rows(begin, end), streams.y.rows(begin, end), streams.last_count},
                   conditioning.rows(begin, end), input);
    for (std::int64_t b = begin; b < end; ++b)
      input.cache[static_cast<std::size_t>(b)] = {
          std::move(firsts[static_cast<std::size_t>(b - begin)]),
          ops.subtract(run.x.rows(b - begin, b - begin + 1), streams.x.rows(b, b + 1))};
    results.push_back(run.x);
    begin = end;
  }
  Tensor result = results.size() == 1 ? std::move(results[0]) : ops.concat(results, 0);  // [B, N, D]
  ops.tap("cached.x", result);
  return result;
}

Streams Transformer::run_block(const Ops& ops, int index, Streams streams, const Tensor& conditioning) const {
  const PartOfWork part(ops, "block", index);
  const std::shared_ptr<const JointBlock> streamed = provider_ ? provider_(index) : nullptr;
  const JointBlock* chosen = streamed ? streamed.get() : &blocks_[static_cast<std::size_t>(index)];
  std::vector<Tensor> flow{std::move(streams.x), std::move(streams.y), conditioning};
  flow = ops.segment(
      std::move(flow),
      [&ops, block = chosen, last_count = streams.last_count](std::vector<Tensor> in) -> std::vector<Tensor> {
        Streams out = block->forward(ops, {std::move(in[0]), std::move(in[1]), last_count}, in[2]);
        return {std::move(out.x), std::move(out.y)};
      });
  return {std::move(flow[0]), std::move(flow[1]), streams.last_count};
}

Tensor Transformer::embed_pictures(const Ops& ops, const TransformerInput& input) const {
  if (input.references.empty()) return embed_patches(ops, input.latents, input);
  std::vector<Tensor> tokens;
  for (const Tensor& reference : input.references) tokens.push_back(embed_patches(ops, reference, input));
  tokens.push_back(embed_patches(ops, input.latents, input));
  return ops.concat(tokens, 1);
}

Tensor Transformer::embed_patches(const Ops& ops, const Tensor& latents,
                                  const TransformerInput& input) const {
  const std::int64_t B = latents.dim(0), C = latents.dim(1), p = config_.patch_size;
  const std::int64_t rows = latents.dim(2) / p, columns = latents.dim(3) / p,
                     side = config_.pos_embed_max_size;
  if (latents.dim(2) % p != 0 || latents.dim(3) % p != 0)
    throw ArgumentError("latents of " + latents.shape().to_string() + " are not whole patches of " +
                        std::to_string(p));
  if (rows > side || columns > side)
    throw ArgumentError("a picture of " + std::to_string(columns) + " x " + std::to_string(rows) +
                        " patches is larger than the positional table of " + std::to_string(side) +
                        " per side");

  // The input of the projection is (channel, row, column) of a patch.
  constexpr std::array order{0, 2, 4, 1, 3, 5};
  const Tensor patches =
      ops.permute(latents.reshape({B, C, rows, p, columns, p}), order);  // [B, rows, columns, C, p, p]
  Tensor x = ops.linear(patches.reshape({B, rows * columns, C * p * p}), patch_projection_, Activation::none,
                        Out::f32);  // [B, N, D]

  const Tensor table = position_table_.reshape({side * side, config_.width()});
  return ops.add(std::move(x), ops.embedding(table, position_ids(input, rows, columns)));
}

Tensor Transformer::position_ids(const TransformerInput& input, std::int64_t rows,
                                 std::int64_t columns) const {
  const std::int64_t side = config_.pos_embed_max_size, N = rows * columns;
  const auto fill = [&](std::int32_t* ids, PatchOrigin origin) {
    for (std::int64_t n = 0; n < N; ++n)
      ids[n] = static_cast<std::int32_t>((origin.top + n / columns) * side + origin.left + n % columns);
  };
  if (input.origins.empty()) {
    Tensor ids({N}, DType::i32);
    fill(ids.data<std::int32_t>(), {(side - rows) / 2, (side - columns) / 2});
    return ids;
  }
  const std::int64_t B = input.latents.dim(0);
  if (static_cast<std::int64_t>(input.origins.size()) != B)
    throw ArgumentError(std::to_string(input.origins.size()) + " origins for " + std::to_string(B) +
                        " pictures");
  Tensor ids({B, N}, DType::i32);
  for (std::int64_t b = 0; b < B; ++b) {
    const PatchOrigin origin = input.origins[static_cast<std::size_t>(b)];
    if (origin.top < 0 || origin.left < 0 || origin.top + rows > side || origin.left + columns > side)
      throw ArgumentError("a crop of the positional table begins outside it");
    fill(ids.data<std::int32_t>() + b * N, origin);
  }
  return ids;
}

Tensor Transformer::embed_conditioning(const Ops& ops, const TransformerInput& input) const {
  const Tensor features = timestep_features(input.timesteps, kTimestepFeatures);  // [B, 256]
  const Tensor time = ops.linear(ops.linear(features, timestep_1_, Activation::silu), timestep_2_,
                                 Activation::none, Out::f32);  // [B, D]
  const Tensor text = ops.linear(ops.linear(input.pooled_projection, pooled_1_, Activation::silu), pooled_2_,
                                 Activation::none, Out::f32);  // [B, D]
  // Every modulation applies SiLU to the sum first, so it is applied once here.
  return ops.activate(ops.add(time, text), Activation::silu);
}

Tensor Transformer::unpatchify(const Ops& ops, const Tensor& tokens, std::int64_t rows,
                               std::int64_t columns) const {
  // The output of the projection is (row, column, channel) of a patch, unlike its input.
  const std::int64_t B = tokens.dim(0), C = config_.out_channels, p = config_.patch_size;
  constexpr std::array order{0, 5, 1, 3, 2, 4};
  const Tensor pixels =
      ops.permute(tokens.reshape({B, rows, columns, p, p, C}), order);  // [B, C, rows, p, columns, p]
  return pixels.reshape({B, C, rows * p, columns * p});
}

}  // namespace sd35
