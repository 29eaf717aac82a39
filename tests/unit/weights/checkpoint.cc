#include "tests/unit/weights/checkpoint.h"

#include <algorithm>

namespace sd35 {
namespace {

// Rows [begin, end) as a tensor of its own.
Tensor rows(const Tensor& tensor, std::int64_t begin, std::int64_t end) {
  return tensor.rows(begin, end).clone();
}

Tensor halves_swapped(const Tensor& tensor) {
  const std::int64_t half = tensor.dim(0) / 2;
  const std::vector<float> values = floats_of(tensor);
  const auto middle = static_cast<std::ptrdiff_t>(values.size() / 2);
  std::vector<float> result(values.begin() + middle, values.end());
  result.insert(result.end(), values.begin(), values.begin() + middle);
  EXPECT_EQ(tensor.dim(0), 2 * half);
  return Tensor::from(tensor.shape(), result);
}

}  // namespace

void TwoLayouts::same(const std::string& from, const std::string& to, const Shape& shape) {
  original[from] = diffusers[to] = numbered(shape);
}

void TwoLayouts::linear(const std::string& from, const std::string& to, std::int64_t out, std::int64_t in) {
  same(from + ".weight", to + ".weight", {out, in});
  same(from + ".bias", to + ".bias", {out});
}

void TwoLayouts::fused(const std::string& from, const std::vector<std::string>& to, std::int64_t out,
                       std::int64_t in) {
  original[from + ".weight"] = numbered({3 * out, in});
  original[from + ".bias"] = numbered({3 * out});
  for (std::size_t i = 0; i < 3; ++i) {
    const std::int64_t begin = static_cast<std::int64_t>(i) * out;
    diffusers[to[i] + ".weight"] = rows(original[from + ".weight"], begin, begin + out);
    diffusers[to[i] + ".bias"] = rows(original[from + ".bias"], begin, begin + out);
  }
}

void TwoLayouts::swapped(const std::string& from, const std::string& to, std::int64_t out, std::int64_t in) {
  linear(from, to, out, in);
  for (const std::string suffix : {".weight", ".bias"})
    diffusers[to + suffix] = halves_swapped(original[from + suffix]);
}

void TwoLayouts::pointwise(const std::string& from, const std::string& to, std::int64_t channels) {
  conv(from, to, channels, channels, 1);
  diffusers[to + ".weight"] = diffusers[to + ".weight"].reshape({channels, channels});
}

void TwoLayouts::norm(const std::string& from, const std::string& to, std::int64_t width) {
  same(from + ".weight", to + ".weight", {width});
  same(from + ".bias", to + ".bias", {width});
}

void TwoLayouts::conv(const std::string& from, const std::string& to, std::int64_t out, std::int64_t in,
                      std::int64_t kernel) {
  same(from + ".weight", to + ".weight", {out, in, kernel, kernel});
  same(from + ".bias", to + ".bias", {out});
}

TwoLayouts make_transformer(int depth, int dual, std::int64_t width, std::int64_t head) {
  const std::int64_t D = width;
  TwoLayouts t;
  t.same("pos_embed", "pos_embed.pos_embed", {1, 9, D});
  t.conv("x_embedder.proj", "pos_embed.proj", D, 4, 2);
  t.linear("t_embedder.mlp.0", "time_text_embed.timestep_embedder.linear_1", D, 256);
  t.linear("t_embedder.mlp.2", "time_text_embed.timestep_embedder.linear_2", D, D);
  t.linear("y_embedder.mlp.0", "time_text_embed.text_embedder.linear_1", D, 6);
  t.linear("y_embedder.mlp.2", "time_text_embed.text_embedder.linear_2", D, D);
  t.linear("context_embedder", "context_embedder", D, 10);
  for (int i = 0; i < depth; ++i) {
    const std::string x = "joint_blocks." + std::to_string(i) + ".x_block.";
    const std::string c = "joint_blocks." + std::to_string(i) + ".context_block.";
    const std::string to = "transformer_blocks." + std::to_string(i) + ".";
    const bool last = i == depth - 1;
    t.linear(x + "adaLN_modulation.1", to + "norm1.linear", (i < dual ? 9 : 6) * D, D);
    for (const std::string attention : {"attn", "attn2"}) {
      if (attention == "attn2" && i >= dual) continue;
      const std::string from = x + attention, target = to + attention;
      t.fused(from + ".qkv", {target + ".to_q", target + ".to_k", target + ".to_v"}, D, D);
      t.same(from + ".ln_q.weight", target + ".norm_q.weight", {head});
      t.same(from + ".ln_k.weight", target + ".norm_k.weight", {head});
      t.linear(from + ".proj", target + ".to_out.0", D, D);
    }
    t.linear(x + "mlp.fc1", to + "ff.net.0.proj", 4 * D, D);
    t.linear(x + "mlp.fc2", to + "ff.net.2", D, 4 * D);
    if (last)
      t.swapped(c + "adaLN_modulation.1", to + "norm1_context.linear", 2 * D, D);
    else
      t.linear(c + "adaLN_modulation.1", to + "norm1_context.linear", 6 * D, D);
    t.fused(c + "attn.qkv", {to + "attn.add_q_proj", to + "attn.add_k_proj", to + "attn.add_v_proj"}, D, D);
    t.same(c + "attn.ln_q.weight", to + "attn.norm_added_q.weight", {head});
    t.same(c + "attn.ln_k.weight", to + "attn.norm_added_k.weight", {head});
    if (last) continue;
    t.linear(c + "attn.proj", to + "attn.to_add_out", D, D);
    t.linear(c + "mlp.fc1", to + "ff_context.net.0.proj", 4 * D, D);
    t.linear(c + "mlp.fc2", to + "ff_context.net.2", D, 4 * D);
  }
  t.swapped("final_layer.adaLN_modulation.1", "norm_out.linear", 2 * D, D);
  t.linear("final_layer.linear", "proj_out", 16, D);
  return t;
}

TwoLayouts make_vae(const std::vector<std::int64_t>& channels) {
  TwoLayouts t;
  const auto block = [&](const std::string& from, const std::string& to, std::int64_t in, std::int64_t out) {
    t.norm(from + ".norm1", to + ".norm1", in);
    t.conv(from + ".conv1", to + ".conv1", out, in, 3);
    t.norm(from + ".norm2", to + ".norm2", out);
    t.conv(from + ".conv2", to + ".conv2", out, out, 3);
    if (in != out) t.conv(from + ".nin_shortcut", to + ".conv_shortcut", out, in, 1);
  };
  const std::int64_t top = channels.back();
  const int levels = static_cast<int>(channels.size());
  for (const std::string half : {"encoder", "decoder"}) {
    const std::string mid = half + ".mid_block.attentions.0.";
    block(half + ".mid.block_1", half + ".mid_block.resnets.0", top, top);
    block(half + ".mid.block_2", half + ".mid_block.resnets.1", top, top);
    t.norm(half + ".mid.attn_1.norm", mid + "group_norm", top);
    t.pointwise(half + ".mid.attn_1.q", mid + "to_q", top);
    t.pointwise(half + ".mid.attn_1.k", mid + "to_k", top);
    t.pointwise(half + ".mid.attn_1.v", mid + "to_v", top);
    t.pointwise(half + ".mid.attn_1.proj_out", mid + "to_out.0", top);
  }
  t.conv("encoder.conv_in", "encoder.conv_in", channels.front(), 3, 3);
  t.norm("encoder.norm_out", "encoder.conv_norm_out", top);
  t.conv("encoder.conv_out", "encoder.conv_out", 8, top, 3);
  t.conv("decoder.conv_in", "decoder.conv_in", top, 4, 3);
  t.norm("decoder.norm_out", "decoder.conv_norm_out", channels.front());
  t.conv("decoder.conv_out", "decoder.conv_out", 3, channels.front(), 3);

  std::int64_t in = channels.front();
  for (int l = 0; l < levels; ++l) {
    const std::string from = "encoder.down." + std::to_string(l),
                      to = "encoder.down_blocks." + std::to_string(l);
    const std::int64_t out = channels[static_cast<std::size_t>(l)];
    for (int j = 0; j < 2; ++j)
      block(from + ".block." + std::to_string(j), to + ".resnets." + std::to_string(j), j == 0 ? in : out,
            out);
    if (l < levels - 1) t.conv(from + ".downsample.conv", to + ".downsamplers.0.conv", out, out, 3);
    in = out;
  }
  for (int l = levels - 1; l >= 0; --l) {
    const std::string from = "decoder.up." + std::to_string(l);
    const std::string to = "decoder.up_blocks." + std::to_string(levels - 1 - l);
    const std::int64_t out = channels[static_cast<std::size_t>(l)];
    for (int j = 0; j < 3; ++j)
      block(from + ".block." + std::to_string(j), to + ".resnets." + std::to_string(j), j == 0 ? in : out,
            out);
    if (l > 0) t.conv(from + ".upsample.conv", to + ".upsamplers.0.conv", out, out, 3);
    in = out;
  }
  return t;
}

Tensors make_clip(std::int64_t width, int layers, bool projection) {
  TwoLayouts t;
  const auto linear = [&](const std::string& name, std::int64_t out, std::int64_t in) {
    t.linear(name, name, out, in);
  };
  const std::string text = "text_model.";
  t.same("", text + "embeddings.token_embedding.weight", {20, width});
  t.same("", text + "embeddings.position_embedding.weight", {7, width});
  for (int i = 0; i < layers; ++i) {
    const std::string layer = text + "encoder.layers." + std::to_string(i) + ".";
    for (const std::string norm : {"layer_norm1", "layer_norm2"}) t.norm(layer + norm, layer + norm, width);
    for (const std::string name : {"q_proj", "k_proj", "v_proj", "out_proj"})
      linear(layer + "self_attn." + name, width, width);
    linear(layer + "mlp.fc1", 2 * width, width);
    linear(layer + "mlp.fc2", width, 2 * width);
  }
  t.norm("", text + "final_layer_norm", width);
  if (projection) t.same("", "text_projection.weight", {width, width});
  return t.diffusers;
}

Tensors make_t5() {
  Tensors t;
  constexpr std::int64_t kWidth = 12, kInner = 8;
  t["shared.weight"] = numbered({30, kWidth});
  for (int i = 0; i < 2; ++i) {
    const std::string layer = "encoder.block." + std::to_string(i) + ".layer.";
    for (const std::string name : {"q", "k", "v"})
      t[layer + "0.SelfAttention." + name + ".weight"] = numbered({kInner, kWidth});
    t[layer + "0.SelfAttention.o.weight"] = numbered({kWidth, kInner});
    if (i == 0) t[layer + "0.SelfAttention.relative_attention_bias.weight"] = numbered({32, 2});
    t[layer + "0.layer_norm.weight"] = numbered({kWidth});
    t[layer + "1.layer_norm.weight"] = numbered({kWidth});
    t[layer + "1.DenseReluDense.wi_0.weight"] = numbered({20, kWidth});
    t[layer + "1.DenseReluDense.wi_1.weight"] = numbered({20, kWidth});
    t[layer + "1.DenseReluDense.wo.weight"] = numbered({kWidth, 20});
  }
  t["encoder.final_layer_norm.weight"] = numbered({kWidth});
  return t;
}

Tensors single_file(const TwoLayouts& transformer, const TwoLayouts& vae, const Tensors& clip_l,
                    const Tensors& clip_g, const Tensors& t5) {
  Tensors file;
  const auto add = [&](const std::string& prefix, const Tensors& tensors) {
    for (const auto& [name, tensor] : tensors) file[prefix + name] = tensor;
  };
  add("model.diffusion_model.", transformer.original);
  add("first_stage_model.", vae.original);
  add("text_encoders.clip_l.transformer.", clip_l);
  add("text_encoders.clip_g.transformer.", clip_g);
  add("text_encoders.t5xxl.transformer.", t5);
  return file;
}

}  // namespace sd35
