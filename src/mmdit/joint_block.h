// One joint block of MMDiT-X: image and text tokens attend to each other, each stream with its own weights.
// Reference: SD3 paper (arXiv 2403.03206) figure 2; diffusers attention.py, JointTransformerBlock.
#pragma once

#include "mmdit/config.h"
#include "ops/ops.h"
#include "weights/parameters.h"

namespace sd35 {

inline constexpr float kNormEps = 1e-6f;  // of every layer norm and RMS norm

// The projections of one stream into an attention and out of it.
struct AttentionWeights {
  Linear qkv;             // D -> 3 D
  Tensor norm_q, norm_k;  // [d], RMS norms of each head
  Linear out;             // D -> D; absent where the stream ends

  AttentionStream stream(const Ops& ops, const Tensor& x, bool wants_output = true) const;
};

struct FeedForward {
  Linear up;    // D -> 4 D
  Linear down;  // 4 D -> D

  void parameters(const Parameters& p, std::int64_t width);
  Tensor forward(const Ops& ops, const Tensor& x) const;
};

// What one stream of a block consists of.
struct StreamWeights {
  Linear modulation;  // D -> 6 D; 9 D with a second attention; 2 D for the last text stream
  AttentionWeights attention;
  FeedForward feed_forward;
};

// Image tokens x [B, N, D] and text tokens y [B, M, D], both f32. Text tokens have no positions, so equal
// ones stay equal, and the last one may stand for `last_count` of them.
struct Streams {
  Tensor x;
  Tensor y;
  std::int64_t last_count = 1;
};

class JointBlock {
 public:
  JointBlock(const MmditConfig& config, int index);

  void parameters(const Parameters& p);
  // `conditioning` is SiLU(timestep embedding + pooled text embedding), [B, D].
  Streams forward(const Ops& ops, Streams streams, const Tensor& conditioning) const;

 private:
  std::int64_t width_;
  AttentionOptions attention_options_;
  bool qk_norm_;
  bool dual_;  // a second self-attention of the image tokens
  bool last_;  // the text tokens only serve as keys and values
  StreamWeights image_;
  StreamWeights text_;
  AttentionWeights dual_attention_;
};

}  // namespace sd35
