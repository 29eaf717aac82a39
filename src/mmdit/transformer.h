// MMDiT-X, the denoiser of Stable Diffusion 3.5 Medium: noisy latents, a time and a prompt in, a velocity
// out. Reference: SD3 paper (arXiv 2403.03206) section 4; diffusers transformer_sd3.py,
// SD3Transformer2DModel.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "mmdit/config.h"
#include "mmdit/joint_block.h"
#include "ops/ops.h"
#include "weights/parameters.h"

namespace sd35 {

// The patch of the positional table that the upper left patch of a picture uses.
struct PatchOrigin {
  std::int64_t top = 0, left = 0;
};

// What a first-block cache keeps of one prompt from one time to the next (ParaAttention's FBCache): what the
// first block added to the image tokens, and what all others added, [1, N, D] f32. Undefined before the
// first.
struct BlockCache {
  Tensor first, others;
};

// Some of the image tokens skip a run of blocks, for cheaper training: the others go through it, and all are
// joined again after it. Reference: TREAD (Krause et al. 2025, arXiv 2501.04765).
struct TokenRoute {
  int first = 0, last = 0;  // of the blocks
  // [B, K] i32: the tokens that go through, as rows among those of all pictures, [B N]. Undefined: all of
  // them.
  Tensor through;
};

struct TransformerInput {
  Tensor latents;                     // [B, C, h, w] f32; h and w multiples of the patch size
  std::vector<float> timesteps;       // [B], 1000 sigma
  Tensor prompt_embedding;            // [B, M, joint_attention_dim]
  std::int64_t last_token_count = 1;  // equal tokens that the prompt's last one stands for
  Tensor pooled_projection;           // [B, pooled_projection_dim]
  std::span<const int> skip_layers;   // blocks left out (skip-layer guidance)
  // [B, C, h', w'] f32 each: pictures whose tokens come before those of the latents, at the same positions,
  // and for which no velocity is returned (UniPic 2's Kontext). Not for use with origins or a route.
  std::vector<Tensor> references;
  // [B, N, D] f32 for each block, undefined for none: added to the image tokens after it (ControlNet). If
  // there are fewer than blocks, the others have none. Not for use with a cache.
  std::span<const Tensor> block_residuals;
  // [B], for training with random crops of the positional table; empty: the centre, as in sampling.
  std::vector<PatchOrigin> origins;
  TokenRoute route;
  // [B], or empty. Where the first block adds nearly what it added before, the others are not run: what they
  // added then is added again. Nearly: the mean absolute difference over the mean absolute value is below
  // `cache_threshold`. Each of several pictures is decided separately.
  std::span<BlockCache> cache;
  double cache_threshold = 0;
  // Called after each block with its index; may throw Cancelled.
  std::function<void(int block)> on_block;
  // Receives the image tokens [B, N, D] after each block, with their history; not for use with a cache or a
  // route.
  std::function<void(int block, const Tensor& tokens)> on_tokens;
};

// Block `index`, alive as long as the pointer.
using BlockProvider = std::function<std::shared_ptr<const JointBlock>(int index)>;

class Transformer {
 public:
  explicit Transformer(MmditConfig config);

  const MmditConfig& config() const { return config_; }
  void parameters(const Parameters& p);
  static Parameters block_scope(const Parameters& p, std::int64_t index);
  // From now on blocks come from `provider`, each for one use; parameters() describes what lies outside them.
  void stream_blocks(BlockProvider provider) { provider_ = std::move(provider); }
  // The velocity noise - data, [B, C, h, w] f32. Throws ArgumentError when the latents are larger than the
  // positional table or not whole patches.
  Tensor forward(const Ops& ops, const TransformerInput& input) const;

 private:
  // Tokens of all pictures: references in front of the latents.
  Tensor embed_pictures(const Ops& ops, const TransformerInput& input) const;
  // Those of `latents`, [B, N, D].
  Tensor embed_patches(const Ops& ops, const Tensor& latents, const TransformerInput& input) const;
  // Rows of the positional table, [N] or, with an origin per picture, [B, N].
  Tensor position_ids(const TransformerInput& input, std::int64_t rows, std::int64_t columns) const;
  // Blocks from `first` on that the input does not leave out.
  Streams run_blocks(const Ops& ops, int first, Streams streams, const Tensor& conditioning,
                     const TransformerInput& input) const;
  Streams run_block(const Ops& ops, int index, Streams streams, const Tensor& conditioning) const;
  // The image tokens after the last block, using the cache.
  Tensor run_cached(const Ops& ops, Streams streams, const Tensor& conditioning,
                    const TransformerInput& input) const;
  Tensor embed_conditioning(const Ops& ops, const TransformerInput& input) const;
  Tensor unpatchify(const Ops& ops, const Tensor& tokens, std::int64_t rows, std::int64_t columns) const;

  MmditConfig config_;
  Linear patch_projection_;
  Tensor position_table_;  // [1, side * side, D], any float type
  Linear timestep_1_, timestep_2_;
  Linear pooled_1_, pooled_2_;
  Linear context_projection_;
  std::vector<JointBlock> blocks_;
  BlockProvider provider_;  // empty: blocks_ are loaded
  Linear final_modulation_;
  Linear final_projection_;
};

// [cos(t f_0) .. cos(t f_n), sin(t f_0) .. sin(t f_n)] with f_k = 10000^(-k / n), n = dim / 2: [B, dim] f32.
// Reference: diffusers embeddings.py, Timesteps(flip_sin_to_cos=True, downscale_freq_shift=0).
Tensor timestep_features(std::span<const float> timesteps, int dim);

}  // namespace sd35
