// The gradients of every verb against central differences, in f64.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <ostream>

#include "ops/torch/torch_ops.h"
#include "tests/unit/torch/differences.h"

namespace sd35 {
namespace {

struct GradientCase {
  std::string name;
  std::vector<Shape> operands;  // what is differentiated by
  std::function<std::vector<Tensor>(const Ops& ops, const std::vector<Tensor>& operands)> run;
};

void PrintTo(const GradientCase& c, std::ostream* stream) { *stream << c.name; }

class GradientTest : public testing::TestWithParam<GradientCase> {};

TEST_P(GradientTest, EqualsTheDifferences) {
  const auto ops = make_torch_ops(DType::f64);
  std::vector<at::Tensor> leaves;
  std::vector<Tensor> operands;
  for (const Shape& shape : GetParam().operands) {
    leaves.push_back(leaf(shape, static_cast<unsigned>(leaves.size()) + 1));
    operands.push_back(from_torch(leaves.back()));
  }
  const auto loss = [&] { return random_sum(GetParam().run(*ops, operands)); };
  EXPECT_LE(gradient_error(leaves, loss), 1e-7);
}

// f32 and bf16 have backward passes of their own: kernels on the CPU, operations of LibTorch on other
// devices, which "cpu:0" stands for.
class NarrowGradientTest : public testing::TestWithParam<GradientCase> {
 public:
  std::vector<at::Tensor> gradients(DType type, at::ScalarType stored, const char* device) {
    const auto ops = make_torch_ops(type, device);
    std::vector<at::Tensor> leaves, result;
    std::vector<Tensor> operands;
    for (const Shape& shape : GetParam().operands) {
      // Exact in bf16, so that the operands are the same in all types.
      const at::Tensor value =
          leaf(shape, static_cast<unsigned>(leaves.size()) + 1).detach().to(at::kBFloat16).to(stored);
      leaves.push_back(value.requires_grad_());
      operands.push_back(from_torch(leaves.back()));
    }
    random_sum(GetParam().run(*ops, operands)).backward();
    for (const at::Tensor& leaf : leaves)
      result.push_back(leaf.grad().defined() ? leaf.grad().to(at::kDouble)
                                             : at::zeros_like(leaf, at::kDouble));
    return result;
  }

  double largest_error(DType type, const char* device) {
    const std::vector<at::Tensor> exact = gradients(DType::f64, at::kDouble, "cpu"),
                                  narrow = gradients(type, at::kFloat, device);
    double error = 0, largest = 0;
    for (std::size_t i = 0; i < exact.size(); ++i) {
      error = std::max(error, (exact[i] - narrow[i]).abs().max().item<double>());
      largest = std::max(largest, exact[i].abs().max().item<double>());
    }
    return error / largest;
  }
};

TEST_P(NarrowGradientTest, EqualsTheWideOne) {
  for (const char* device : {"cpu", "cpu:0"}) {
    EXPECT_LE(largest_error(DType::f32, device), 2e-6) << device;
    EXPECT_LE(largest_error(DType::bf16, device), 2e-2) << device;
  }
}

using Operands = std::vector<Tensor>;

Linear linear_of(const Tensor& weight, const Tensor& bias) {
  Linear layer;
  layer.weight = weight;
  layer.bias = bias;
  layer.out_features = weight.dim(0);
  layer.in_features = weight.dim(1);
  return layer;
}

Conv2d conv_of(const Tensor& weight, const Tensor& bias, int stride, int pad_before, int pad_after) {
  Conv2d conv;
  conv.weight = weight;
  conv.bias = bias;
  conv.out_channels = weight.dim(0);
  conv.in_channels = weight.dim(1);
  conv.kernel = static_cast<int>(weight.dim(2));
  conv.stride = stride;
  conv.pad_before = pad_before;
  conv.pad_after = pad_after;
  return conv;
}

std::vector<GradientCase> activation_cases() {
  constexpr std::array names{"none", "silu", "gelu", "gelu_tanh", "quick_gelu", "relu"};
  std::vector<GradientCase> cases;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto act = static_cast<Activation>(i);
    const std::string name = names[i];
    cases.push_back({"linear_" + name, {{2, 3, 4}, {5, 4}, {5}}, [=](const Ops& ops, const Operands& o) {
                       return Operands{ops.linear(o[0], linear_of(o[1], o[2]), act)};
                     }});
    cases.push_back({"activate_" + name, {{3, 5}}, [=](const Ops& ops, const Operands& o) {
                       return Operands{ops.activate(o[0], act)};
                     }});
    cases.push_back({"gated_activate_" + name, {{3, 5}, {3, 5}}, [=](const Ops& ops, const Operands& o) {
                       return Operands{ops.gated_activate(o[0], o[1], act)};
                     }});
  }
  return cases;
}

std::vector<GradientCase> conv2d_cases() {
  return {{"conv2d",
           {{2, 4, 3, 3}, {2, 3, 3, 3}, {2}},
           [](const Ops& ops, const Operands& o) {
             return Operands{ops.conv2d(o[0], conv_of(o[1], o[2], 1, 1, 1), Out::f32)};
           }},
          {"conv2d_downsampling",
           {{1, 4, 6, 2}, {3, 2, 3, 3}, {3}},
           [](const Ops& ops, const Operands& o) {
             return Operands{ops.conv2d(o[0], conv_of(o[1], o[2], 2, 0, 1))};
           }},
          {"conv2d_pointwise", {{1, 2, 3, 2}, {3, 2, 1, 1}}, [](const Ops& ops, const Operands& o) {
             return Operands{ops.conv2d(o[0], conv_of(o[1], {}, 1, 0, 0))};
           }}};
}

std::vector<GradientCase> row_cases() {
  return {
      {"layer_norm",
       {{2, 3, 4}, {4}, {4}},
       [](const Ops& ops, const Operands& o) {
         return Operands{ops.layer_norm(o[0], o[1], o[2], 1e-5f), ops.layer_norm(o[0], {}, {}, 1e-5f)};
       }},
      {"rms_norm",
       {{2, 3, 4}, {4}},
       [](const Ops& ops, const Operands& o) {
         return Operands{ops.rms_norm(o[0], o[1], 1e-6f), ops.rms_norm(o[0], {}, 1e-6f)};
       }},
      {"group_norm",
       {{2, 2, 3, 4}, {4}, {4}},
       [](const Ops& ops, const Operands& o) {
         return Operands{ops.group_norm(o[0], {o[1], o[2], 2, 1e-6f, Activation::silu})};
       }},
      {"norm_modulate",
       {{2, 3, 4}, {2, 4}, {2, 4}},
       [](const Ops& ops, const Operands& o) {
         return Operands{ops.norm_modulate(o[0], o[1], o[2], 1e-6f)};
       }},
      {"norm_modulate_long",  // whole vectors and a remainder, several runs of rows
       {{2, 37, 40}, {2, 40}, {2, 40}},
       [](const Ops& ops, const Operands& o) {
         return Operands{ops.norm_modulate(o[0], o[1], o[2], 1e-6f)};
       }},
      {"gated_add_long",
       {{2, 37, 40}, {2, 40}, {2, 37, 40}},
       [](const Ops& ops, const Operands& o) { return Operands{ops.gated_add(o[0], o[1], o[2])}; }},
      {"add",
       {{2, 3, 4}, {2, 3, 4}},
       [](const Ops& ops, const Operands& o) { return Operands{ops.add(o[0], o[1])}; }},
      {"add_broadcast",
       {{2, 3, 4}, {3, 4}},
       [](const Ops& ops, const Operands& o) { return Operands{ops.add(o[0], o[1])}; }},
      {"gated_add",
       {{2, 3, 4}, {2, 4}, {2, 3, 4}},
       [](const Ops& ops, const Operands& o) { return Operands{ops.gated_add(o[0], o[1], o[2])}; }},
  };
}

// Of qkv, then the norms, of two streams.
std::function<Operands(const Ops&, const Operands&)> joint_attention(const AttentionOptions& options,
                                                                     bool wants_second) {
  return [=](const Ops& ops, const Operands& o) {
    const std::array streams{AttentionStream{o[0], o[2], o[3]},
                             AttentionStream{o[1], o[4], o[5], wants_second}};
    return ops.attention(streams, options);
  };
}

std::vector<GradientCase> attention_cases() {
  AttentionOptions two_heads;
  two_heads.heads = 2;
  two_heads.scale = 0.7f;
  AttentionOptions causal = two_heads;
  causal.causal = true;
  const std::vector<Shape> joint_operands{{2, 3, 24}, {2, 2, 24}, {4}, {4}, {4}, {4}};
  return {{"attention",
           {{2, 4, 24}},
           [=](const Ops& ops, const Operands& o) {
             return ops.attention(std::array{AttentionStream{o[0], {}, {}}}, two_heads);
           }},
          {"attention_causal",
           {{2, 4, 24}},
           [=](const Ops& ops, const Operands& o) {
             return ops.attention(std::array{AttentionStream{o[0], {}, {}}}, causal);
           }},
          {"attention_bias",
           {{1, 3, 24}, {2, 3, 3}},
           [=](const Ops& ops, const Operands& o) {
             AttentionOptions options = causal;
             options.bias = o[1];
             return ops.attention(std::array{AttentionStream{o[0], {}, {}}}, options);
           }},
          {"attention_joint", joint_operands, joint_attention(two_heads, true)},
          {"attention_joint_first_only", joint_operands, joint_attention(two_heads, false)}};
}

// More tokens than the kernels take together, and head sizes that do not fill vectors.
std::vector<GradientCase> long_attention_cases() {
  AttentionOptions options;
  options.heads = 2;
  options.scale = 0.3f;
  AttentionOptions causal = options;
  causal.causal = true;
  const std::vector<Shape> joint_operands{{2, 301, 6 * 40}, {2, 77, 6 * 40}, {40}, {40}, {40}, {40}};
  return {{"attention_joint", joint_operands, joint_attention(options, true)},
          {"attention_joint_first_only", joint_operands, joint_attention(options, false)},
          {"attention_head_64",
           {{1, 530, 6 * 64}},
           [=](const Ops& ops, const Operands& o) {
             return ops.attention(std::array{AttentionStream{o[0], {}, {}}}, options);
           }},
          {"attention_causal", {{1, 270, 6 * 7}}, [=](const Ops& ops, const Operands& o) {
             return ops.attention(std::array{AttentionStream{o[0], {}, {}}}, causal);
           }}};
}

std::vector<GradientCase> data_movement_cases() {
  return {{"embedding",
           {{4, 3}},
           [](const Ops& ops, const Operands& o) {
             return Operands{ops.embedding(o[0], Tensor::from({2, 2}, std::array{3, 0, 3, 1}))};
           }},
          {"upsample_nearest2x",
           {{2, 2, 3, 2}},
           [](const Ops& ops, const Operands& o) { return Operands{ops.upsample_nearest2x(o[0])}; }},
          {"concat",
           {{2, 3}, {2, 1}},
           [](const Ops& ops, const Operands& o) { return Operands{ops.concat(o, -1)}; }},
          {"slice",
           {{2, 5, 2}},
           [](const Ops& ops, const Operands& o) { return Operands{ops.slice(o[0], 1, 1, 4)}; }},
          {"split", {{2, 6, 2}}, [](const Ops& ops, const Operands& o) { return ops.split(o[0], 1, 2); }},
          {"permute",
           {{2, 3, 4}},
           [](const Ops& ops, const Operands& o) {
             return Operands{ops.permute(o[0], std::array{2, 0, 1})};
           }},
          // Not verbs, but models use them between verbs.
          {"views", {{4, 6}}, [](const Ops& ops, const Operands& o) {
             return Operands{ops.activate(o[0].rows(1, 3).reshape({3, 4}), Activation::silu),
                             ops.activate(o[0].reshape({12, 2}).rows(5, 9), Activation::gelu)};
           }}};
}

std::string name_of_gradient(const testing::TestParamInfo<GradientCase>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(Activations, GradientTest, testing::ValuesIn(activation_cases()), name_of_gradient);
INSTANTIATE_TEST_SUITE_P(Conv2d, GradientTest, testing::ValuesIn(conv2d_cases()), name_of_gradient);
INSTANTIATE_TEST_SUITE_P(Rows, GradientTest, testing::ValuesIn(row_cases()), name_of_gradient);
INSTANTIATE_TEST_SUITE_P(Attention, GradientTest, testing::ValuesIn(attention_cases()), name_of_gradient);
INSTANTIATE_TEST_SUITE_P(Activations, NarrowGradientTest, testing::ValuesIn(activation_cases()),
                         name_of_gradient);
INSTANTIATE_TEST_SUITE_P(Rows, NarrowGradientTest, testing::ValuesIn(row_cases()), name_of_gradient);
INSTANTIATE_TEST_SUITE_P(Attention, NarrowGradientTest, testing::ValuesIn(attention_cases()),
                         name_of_gradient);
INSTANTIATE_TEST_SUITE_P(LongAttention, NarrowGradientTest, testing::ValuesIn(long_attention_cases()),
                         name_of_gradient);
INSTANTIATE_TEST_SUITE_P(Data, GradientTest, testing::ValuesIn(data_movement_cases()), name_of_gradient);

}  // namespace
}  // namespace sd35
