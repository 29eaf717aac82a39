#include "tests/unit/ops/op_cases.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <random>
#include <sstream>

namespace sd35 {
namespace {

std::string text(const auto&... parts) {
  std::ostringstream stream;
  (stream << ... << parts);
  return stream.str();
}

std::string name_of(Activation act) {
  constexpr std::array names{"none", "silu", "gelu", "gelu_tanh", "quick_gelu", "relu"};
  return names.at(static_cast<std::size_t>(act));
}

constexpr std::array kActivations{Activation::none,      Activation::silu,       Activation::gelu,
                                  Activation::gelu_tanh, Activation::quick_gelu, Activation::relu};
constexpr std::array kFloatTypes{DType::f32, DType::f16, DType::bf16, DType::f8_e4m3, DType::f8_e5m2};

// How the weight reaches the verb.
enum class Preparation : std::uint8_t { none, once, many };

struct LinearCase {
  std::int64_t rows, in, out;
  DType weight = DType::f32;
  Preparation preparation = Preparation::many;
  Activation act = Activation::none;
  Out result = Out::compute;
  bool bias = true;
};

OpCase linear_case(const LinearCase& c) {
  constexpr std::array preparations{"plain", "once", "many"};
  std::string name = text("linear_", c.rows, "x", c.in, "x", c.out, "_", name_of(c.weight), "_",
                          preparations.at(static_cast<std::size_t>(c.preparation)), "_", name_of(c.act));
  if (c.result == Out::f32) name += "_to_f32";
  if (!c.bias) name += "_no_bias";
  const auto run = [c](const Ops& ops) -> std::vector<Tensor> {
    Linear layer = random_linear(c.out, c.in, c.weight);
    if (!c.bias) layer.bias = Tensor();
    if (c.preparation != Preparation::none)
      ops.prepare(layer, c.preparation == Preparation::once ? Reuse::once : Reuse::many);
    return {ops.linear(random_tensor({c.rows, c.in}, 1), layer, c.act, c.result)};
  };
  return {name, run, static_cast<double>(c.in), 1};
}

// Of some output rows of a layer.
struct UpdateShape {
  std::int64_t rank, first_row, rows;
  float scale = 0.75f;
};

struct UpdatesCase {
  std::string name;
  std::int64_t in, out;
  std::vector<UpdateShape> updates;
  DType weight = DType::f32;
  WeightFormat format = WeightFormat::dense;
  Preparation preparation = Preparation::many;
  Activation act = Activation::none;
  Out result = Out::compute;
  bool attached = true;
  bool one_down = false;  // which all updates share
};

// x is rounded to 8 bits as well, in steps of at most 1/127 of its values, which are uniform: 1/127 /
// sqrt(12) over 1 / sqrt(3).
constexpr double kInt8Rounding = 1.0 / 127 / 2;

OpCase updates_case(const UpdatesCase& c) {
  constexpr std::array preparations{"plain", "once", "many"};
  std::string name = text("linear_updates_", c.name, "_", name_of(c.weight), "_",
                          preparations.at(static_cast<std::size_t>(c.preparation)), "_", name_of(c.act));
  if (c.result == Out::f32) name += "_to_f32";
  if (!c.attached) name += "_not_attached";
  const auto run = [c](const Ops& ops) -> std::vector<Tensor> {
    Linear layer = random_linear(c.out, c.in, c.weight);
    layer.quantized = quantize(layer.weight, c.format);
    if (layer.quantized != nullptr) layer.weight = {};
    if (c.preparation != Preparation::none)
      ops.prepare(layer, c.preparation == Preparation::once ? Reuse::once : Reuse::many);
    std::vector<LowRankUpdate> updates;
    unsigned seed = 10;
    for (const UpdateShape& shape : c.updates) {
      const Tensor down =
          c.one_down && !updates.empty() ? updates[0].down : random_tensor({shape.rank, c.in}, ++seed);
      updates.push_back(
          {down, random_tensor({shape.rows, shape.rank}, ++seed), shape.scale, shape.first_row});
    }
    if (c.attached)
      ops.attach(layer, std::move(updates));
    else
      layer.updates = std::move(updates);
    return {ops.linear(random_tensor({19, c.in}, 1), layer, c.act, c.result)};
  };
  // Roundings of x A^T, of scale B, of their product and of the result.
  OpCase made{name, run, static_cast<double>(c.in), 4};
  if (c.format == WeightFormat::int8) made.own_rounding = kInt8Rounding;
  return made;
}

struct ConvolutionCase {
  std::int64_t height, width, in, out;
  int kernel = 3, stride = 1, pad_before = 1, pad_after = 1;
  DType weight = DType::f32;
  bool prepared = true;
  Out result = Out::compute;
  std::int64_t batch = 1;
};

Conv2d random_conv(const ConvolutionCase& c) {
  Conv2d conv;
  conv.in_channels = c.in;
  conv.out_channels = c.out;
  conv.kernel = c.kernel;
  conv.stride = c.stride;
  conv.pad_before = c.pad_before;
  conv.pad_after = c.pad_after;
  conv.weight = random_tensor({c.out, c.in, c.kernel, c.kernel}, 2).to(c.weight);
  conv.bias = random_tensor({c.out}, 3);
  return conv;
}

OpCase convolution_case(const ConvolutionCase& c) {
  const std::string name =
      text("conv2d_", c.batch, "x", c.height, "x", c.width, "_", c.in, "_to_", c.out, "_kernel", c.kernel,
           "_stride", c.stride, "_pad", c.pad_before, c.pad_after, "_", name_of(c.weight),
           c.prepared ? "_prepared" : "_plain", c.result == Out::f32 ? "_to_f32" : "");
  const auto run = [c](const Ops& ops) -> std::vector<Tensor> {
    Conv2d conv = random_conv(c);
    if (c.prepared) ops.prepare(conv);
    return {ops.conv2d(random_tensor({c.batch, c.height, c.width, c.in}, 1), conv, c.result)};
  };
  return {name, run, static_cast<double>(c.in * c.kernel * c.kernel), 1};
}

GroupNorm random_norm(std::int64_t channels, int groups, Activation act) {
  return {random_tensor({channels}, 2), random_tensor({channels}, 3), groups, 1e-6f, act};
}

// x of `c`'s size in the compute type, through norm, SiLU and convolution, with and without something to add.
OpCase norm_convolution_case(const ConvolutionCase& c, int groups) {
  const std::string name =
      text("norm_conv2d_", c.batch, "x", c.height, "x", c.width, "_", c.in, "_to_", c.out);
  const auto run = [=](const Ops& ops) -> std::vector<Tensor> {
    const Conv2d conv = random_conv(c);
    const GroupNorm norm = random_norm(c.in, groups, Activation::silu);
    const Tensor x = random_tensor({c.batch, c.height, c.width, c.in}, 1).to(ops.compute_type());
    const Tensor residual = random_tensor({c.batch, c.height, c.width, c.out}, 4);
    return {ops.norm_conv2d(x, norm, conv, residual.to(ops.compute_type()).clone()),
            ops.norm_conv2d(x, norm, conv, {}, Out::f32)};
  };
  return {name, run, static_cast<double>(c.in * 9), 3};
}

OpCase upsample_convolution_case(const ConvolutionCase& c) {
  const std::string name = text("upsample_conv2d_", c.height, "x", c.width, "_", c.in, "_to_", c.out);
  const auto run = [=](const Ops& ops) -> std::vector<Tensor> {
    return {ops.upsample_conv2d(random_tensor({c.batch, c.height, c.width, c.in}, 1).to(ops.compute_type()),
                                random_conv(c))};
  };
  return {name, run, static_cast<double>(c.in * 9), 1};
}

struct AttentionCase {
  std::string name;
  std::int64_t batch, tokens, other_tokens, heads, head_size;  // other_tokens 0: one stream
  bool norms = false, causal = false, bias = false, other_wants_output = true;
  float scale = 0;  // 0: one over the root of the head size
  std::int64_t last_count = 1;
};

OpCase attention_case(const AttentionCase& c) {
  const auto run = [c](const Ops& ops) {
    AttentionOptions options;
    options.heads = static_cast<int>(c.heads);
    options.scale = c.scale != 0 ? c.scale : 1 / std::sqrt(static_cast<float>(c.head_size));
    options.causal = c.causal;
    options.last_count = c.last_count;
    if (c.bias) options.bias = random_tensor({c.heads, c.tokens, c.tokens}, 4, 2.0f);
    const auto stream = [&](std::int64_t tokens, unsigned seed, bool wants_output) {
      // In the engine's own type, as its linear layers hand it over.
      AttentionStream s{
          random_tensor({c.batch, tokens, 3 * c.heads * c.head_size}, seed).to(ops.compute_type()),
          {},
          {},
          wants_output};
      if (c.norms) {
        s.norm_q = random_tensor({c.head_size}, seed + 10);
        s.norm_k = random_tensor({c.head_size}, seed + 20);
      }
      return s;
    };
    std::vector<AttentionStream> streams{stream(c.tokens, 1, true)};
    if (c.other_tokens > 0) streams.push_back(stream(c.other_tokens, 2, c.other_wants_output));
    std::vector<Tensor> results = ops.attention(streams, options);
    if (!c.other_wants_output && !results.at(1).defined()) results.pop_back();
    return results;
  };
  return {text("attention_", c.name), run, static_cast<double>(c.tokens + c.other_tokens), 4};
}

// A case of an operation with one result.
OpCase simple_case(std::string name, const std::function<Tensor(const Ops&)>& run, double terms = 1,
                   double roundings = 1) {
  return {std::move(name), [run](const Ops& ops) -> std::vector<Tensor> { return {run(ops)}; }, terms,
          roundings};
}

void add_norm_cases(std::vector<OpCase>& cases, std::int64_t batch, std::int64_t tokens, std::int64_t width) {
  const Shape shape{batch, tokens, width};
  const std::string size = text(batch, "x", tokens, "x", width);
  const auto terms = static_cast<double>(width);
  cases.push_back(simple_case(
      text("layer_norm_", size),
      [=](const Ops& ops) {
        return ops.layer_norm(random_tensor(shape, 1), random_tensor({width}, 2), random_tensor({width}, 3),
                              1e-5f);
      },
      terms));
  cases.push_back(simple_case(
      text("layer_norm_bare_", size),
      [=](const Ops& ops) {
        return ops.layer_norm(random_tensor(shape, 1).to(ops.compute_type()), {}, {}, 1e-6f);
      },
      terms));
  cases.push_back(simple_case(
      text("rms_norm_", size),
      [=](const Ops& ops) { return ops.rms_norm(random_tensor(shape, 1), random_tensor({width}, 2), 1e-6f); },
      terms));
  cases.push_back(simple_case(
      text("norm_modulate_", size),
      [=](const Ops& ops) {
        return ops.norm_modulate(random_tensor(shape, 1), random_tensor({batch, width}, 2),
                                 random_tensor({batch, width}, 3), 1e-6f);
      },
      terms));
  cases.push_back(simple_case(text("gated_add_", size), [=](const Ops& ops) {
    return ops.gated_add(random_tensor(shape, 1), random_tensor({batch, width}, 2),
                         random_tensor(shape, 3).to(ops.compute_type()));
  }));
  cases.push_back(simple_case(text("add_", size), [=](const Ops& ops) {
    return ops.add(random_tensor(shape, 1), random_tensor(shape, 2).to(ops.compute_type()));
  }));
  cases.push_back(simple_case(text("subtract_", size), [=](const Ops& ops) {
    return ops.subtract(random_tensor(shape, 1), random_tensor(shape, 2));
  }));
  cases.push_back(simple_case(text("add_compute_type_", size), [=](const Ops& ops) {
    const DType type = ops.compute_type();
    return ops.add(random_tensor(shape, 1).to(type), random_tensor(shape, 2).to(type));
  }));
  cases.push_back(simple_case(text("add_broadcast_", size), [=](const Ops& ops) {
    return ops.add(random_tensor(shape, 1), random_tensor({tokens, width}, 2));
  }));
}

struct NormShape {
  std::int64_t side, channels, groups;
};

OpCase group_norm_case(const NormShape& shape, Activation act) {
  const auto [side, channels, groups] = shape;
  const std::string name = text("group_norm_", name_of(act), "_", side, "x", channels, "_by_", groups);
  const auto run = [=, s = shape](const Ops& ops) {
    return ops.group_norm(random_tensor({2, s.side, s.side + 1, s.channels}, 1).to(ops.compute_type()),
                          random_norm(s.channels, static_cast<int>(s.groups), act));
  };
  return simple_case(name, run, static_cast<double>(side * (side + 1) * channels / groups));
}

}  // namespace

Tensor random_tensor(const Shape& shape, unsigned seed, float scale) {
  std::mt19937 generator(seed);
  Tensor x(shape, DType::f32);
  for (float* v = x.data<float>(); v != x.data<float>() + x.numel(); ++v)
    *v = to_float(to_bf16(scale * (static_cast<float>(generator() >> 8) * 0x1p-23f - 1.0f)));
  return x;
}

Linear random_linear(std::int64_t out, std::int64_t in, DType dtype) {
  Linear layer;
  layer.out_features = out;
  layer.in_features = in;
  layer.weight = random_tensor({out, in}, 2).to(dtype);
  layer.bias = random_tensor({out}, 3);
  return layer;
}

std::vector<OpCase> linear_cases() {
  using enum Preparation;
  std::vector<OpCase> cases;
  for (const DType type : kFloatTypes)
    for (const Preparation preparation : {none, once, many})
      cases.push_back(linear_case({19, 70, 131, type, preparation}));
  for (const Activation act : kActivations)
    for (const Out result : {Out::compute, Out::f32})
      cases.push_back(linear_case({33, 24, 65, DType::f32, many, act, result}));
  for (const std::int64_t rows : {1, 2, 3, 4, 5, 16, 17, 333})
    for (const Preparation preparation : {none, many})
      cases.push_back(linear_case({rows, 129, 97, DType::bf16, preparation}));
  for (const std::int64_t size : {1, 2, 3, 7, 15, 17, 31, 63})
    cases.push_back(linear_case({3, size, size + 1, DType::f32, many}));
  cases.push_back(linear_case({2, 64, 1, DType::f32, many, Activation::none, Out::f32, false}));
  cases.push_back(linear_case({2, 64, 40, DType::bf16, none, Activation::gelu, Out::compute, false}));
  // More weight than is converted at a time.
  for (const Preparation preparation : {none, once, many})
    cases.push_back(linear_case({2, 3001, 1400, DType::f16, preparation, Activation::silu}));
  return cases;
}

std::vector<OpCase> low_rank_cases() {
  using enum Preparation;
  const std::vector<UpdateShape> all{{4, 0, 131}}, fused{{4, 0, 64}, {4, 64, 64}, {4, 128, 64}},
      overlapping{{3, 5, 40}, {1, 30, 70, -2.0f}, {5, 30, 10}, {2, 110, 10, 0.0f}};
  std::vector<OpCase> cases;
  for (const DType type : kFloatTypes)
    for (const Preparation preparation : {none, once, many})
      cases.push_back(updates_case({"of_all", 70, 131, all, type, WeightFormat::dense, preparation}));
  for (const Activation act : kActivations)
    for (const Out result : {Out::compute, Out::f32})
      cases.push_back(updates_case(
          {"overlapping", 24, 131, overlapping, DType::f32, WeightFormat::dense, many, act, result}));
  for (const auto& [name, format] : {std::pair{"int8", WeightFormat::int8},
                                     {"nf4", WeightFormat::nf4},
                                     {"nf4_dq", WeightFormat::nf4_double}})
    for (const Activation act : {Activation::none, Activation::gelu_tanh})
      for (const Preparation preparation : {none, many})
        cases.push_back(
            updates_case({name, 192, 192, fused, DType::f32, format, preparation, act, Out::f32}));
  UpdatesCase one_down{"of_one_down", 48, 192, fused, DType::bf16};
  one_down.one_down = true;
  cases.push_back(updates_case(one_down));
  for (const Preparation preparation : {none, many}) {
    UpdatesCase loose{"loose", 48, 131, overlapping, DType::f32, WeightFormat::dense, preparation};
    loose.attached = false;
    cases.push_back(updates_case(loose));
  }
  // Wide enough for the weight to be converted in several turns.
  cases.push_back(updates_case(
      {"in_turns", 3001, 1400, {{8, 700, 700}}, DType::f16, WeightFormat::dense, none, Activation::silu}));
  return cases;
}

std::vector<OpCase> conv2d_cases() {
  return {
      convolution_case({9, 7, 16, 20}),
      convolution_case({9, 7, 16, 20, 3, 1, 1, 1, DType::bf16, false}),
      convolution_case({9, 7, 16, 20, 3, 1, 1, 1, DType::f16}),
      convolution_case({9, 7, 16, 20, 3, 1, 1, 1, DType::f8_e4m3, false}),
      convolution_case({8, 8, 3, 32}),
      convolution_case({8, 10, 32, 3, 3, 1, 1, 1, DType::f32, true, Out::f32}),
      convolution_case({5, 6, 5, 7, 1, 1, 0, 0}),
      convolution_case({5, 6, 64, 32, 1, 1, 0, 0, DType::bf16}),
      convolution_case({8, 10, 32, 48, 3, 2, 0, 1}),
      convolution_case({9, 9, 6, 10, 3, 2, 0, 1, DType::f32, false}),
      convolution_case({8, 8, 4, 8, 2, 2, 0, 0}),
      convolution_case({6, 5, 8, 16, 3, 1, 1, 1, DType::f32, true, Out::compute, 3}),
      // Small enough that oneDNN prefers another layout of the filter than for the typical picture.
      convolution_case({3, 3, 256, 128}),
      convolution_case({1, 1, 256, 128, 1, 1, 0, 0}),
      norm_convolution_case({7, 9, 16, 24, 3, 1, 1, 1, DType::f32, true, Out::compute, 2}, 4),
      upsample_convolution_case({4, 5, 16, 8}),
  };
}

std::vector<OpCase> banded_cases() {
  return {
      convolution_case({1201, 2048, 8, 8, 3, 2, 0, 1}),
      norm_convolution_case({531, 2048, 8, 1}, 2),
      upsample_convolution_case({301, 1024, 8, 1}),
  };
}

std::vector<OpCase> attention_cases() {
  return {
      attention_case({"one_token", 1, 1, 0, 1, 64}),
      attention_case({"plain", 2, 37, 0, 3, 64}),
      attention_case({"norms", 2, 50, 0, 2, 64, true}),
      attention_case({"causal", 2, 77, 0, 3, 64, false, true}),
      attention_case({"bias", 1, 45, 0, 4, 64, false, false, true, true, 1.0f}),
      attention_case({"joint", 2, 70, 33, 2, 64, true}),
      attention_case({"last_stands_for_many", 2, 70, 33, 2, 64, true, false, false, true, 0, 256}),
      attention_case({"last_fills_a_panel", 1, 64, 0, 1, 64, false, false, false, true, 0, 7}),
      attention_case({"joint_first_only", 1, 130, 21, 2, 64, true, false, false, false}),
      attention_case({"small_heads", 1, 19, 5, 5, 8, true}),
      attention_case({"wide_head", 1, 64, 0, 1, 512}),
      attention_case({"many_tokens", 1, 700, 90, 1, 64, true}),
  };
}

std::vector<OpCase> elementwise_cases() {
  std::vector<OpCase> cases;
  add_norm_cases(cases, 1, 1, 1);
  add_norm_cases(cases, 2, 3, 7);
  add_norm_cases(cases, 3, 5, 64);
  add_norm_cases(cases, 2, 17, 1000);
  add_norm_cases(cases, 2, 9, 1536);
  for (const Activation act : kActivations) {
    for (const std::int64_t size : {1, 15, 333, 4097}) {
      cases.push_back(simple_case(text("activate_", name_of(act), "_", size), [=](const Ops& ops) {
        return ops.activate(random_tensor({size}, 1, 9.0f), act);
      }));
      cases.push_back(simple_case(text("gated_activate_", name_of(act), "_", size), [=](const Ops& ops) {
        return ops.gated_activate(random_tensor({size}, 1, 5.0f).to(ops.compute_type()),
                                  random_tensor({size}, 2).to(ops.compute_type()), act);
      }));
    }
  }
  for (const Activation act : {Activation::none, Activation::silu})
    for (const NormShape& shape : {NormShape{1, 8, 2}, {5, 12, 4}, {9, 64, 32}, {17, 128, 32}})
      cases.push_back(group_norm_case(shape, act));
  return cases;
}

std::vector<OpCase> data_movement_cases() {
  std::vector<OpCase> cases;
  for (const DType type : {DType::f32, DType::bf16}) {
    const std::string suffix = text("_", name_of(type));
    for (const int dim : {0, 1, 2, -1}) {
      const std::string axis = dim < 0 ? "last" : text(dim);
      cases.push_back(simple_case(text("concat_", axis, suffix), [=](const Ops& ops) {
        std::vector<Tensor> parts;
        for (const std::int64_t size : {3, 1, 0, 5}) {
          std::vector<std::int64_t> dims{4, 6, 7};
          dims.at(static_cast<std::size_t>(dim < 0 ? dim + 3 : dim)) = size;
          parts.push_back(random_tensor(Shape(dims), static_cast<unsigned>(size)).to(type));
        }
        return ops.concat(parts, dim);
      }));
      cases.push_back(simple_case(text("slice_", axis, suffix), [=](const Ops& ops) {
        return ops.slice(random_tensor({5, 6, 7}, 1).to(type), dim, 1, 4);
      }));
      cases.push_back(simple_case(text("split_", axis, suffix), [=](const Ops& ops) {
        std::vector<Tensor> parts = ops.split(random_tensor({4, 6, 8}, 1).to(type), dim, 2);
        std::ranges::reverse(parts);
        return ops.concat(parts, dim);
      }));
    }
    cases.push_back(simple_case(text("slice_large", suffix), [=](const Ops& ops) {
      return ops.slice(random_tensor({3, 400, 301}, 1).to(type), 1, 7, 390);
    }));
    for (const auto& order :
         {std::vector{0, 1, 2, 3}, {3, 2, 1, 0}, {0, 2, 1, 3}, {0, 3, 1, 2}, {1, 0, 3, 2}})
      cases.push_back(
          simple_case(text("permute_", order[0], order[1], order[2], order[3], suffix), [=](const Ops& ops) {
            return ops.permute(random_tensor({3, 40, 5, 31}, 1).to(type), order);
          }));
    cases.push_back(simple_case(text("permute_patches", suffix), [=](const Ops& ops) {
      return ops.permute(random_tensor({2, 3, 2, 5, 2, 4}, 1).to(type), std::array{0, 1, 3, 5, 2, 4});
    }));
    cases.push_back(simple_case(text("permute_scalar", suffix), [=](const Ops& ops) {
      return ops.permute(random_tensor({1, 1}, 1).to(type), std::array{1, 0});
    }));
    cases.push_back(simple_case(text("upsample", suffix), [=](const Ops& ops) {
      return ops.upsample_nearest2x(random_tensor({2, 3, 5, 7}, 1).to(type));
    }));
  }
  for (const DType type : kFloatTypes)
    cases.push_back(simple_case(text("embedding_", name_of(type)), [=](const Ops& ops) {
      const std::vector<std::int32_t> ids{4, 0, 10, 10, 3, 7};
      return ops.embedding(random_tensor({11, 13}, 1).to(type), Tensor::from({2, 3}, ids));
    }));
  return cases;
}

}  // namespace sd35
