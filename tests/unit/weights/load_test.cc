#include "weights/load.h"

#include <cmath>
#include <limits>

#include "ops/decor/forwarding_ops.h"
#include "tests/unit/weights/weight_files.h"
#include "weights/files/safetensors.h"

namespace sd35 {
namespace {

// Counts what the loader prepares.
class CountingOps : public ForwardingOps {
 public:
  using ForwardingOps::ForwardingOps;
  void prepare(Linear& linear, Reuse reuse) const override {
    EXPECT_TRUE(linear.loaded());
    EXPECT_EQ(reuse, Reuse::many);
    ++linears;
  }
  void prepare(Conv2d& /*conv*/) const override { ++convs; }
  mutable int linears = 0, convs = 0;
};

// One parameter of each kind.
struct SmallModel {
  Linear fused, projection, patches;
  Conv2d conv;
  Tensor norm, table;

  SmallModel() { conv.in_channels = conv.out_channels = 2; }
  void parameters(const Parameters& p) {
    p.scope("attn").fused_linear({"to_q", "to_k", "to_v"}, fused, 2, 3);
    p.optional_linear("projection", projection, 2, 2);
    p.patch_linear("patch", patches, 4, 3, 2);
    p.conv2d("conv", conv);
    p.tensor("norm.weight", norm, {5}, ParameterKind::norm_scale);
    p.tensor("table", table, {6, 2}, ParameterKind::embedding);
  }
};

class Load : public testing::Test {
 protected:
  Load() {
    for (const std::string name : {"attn.to_q", "attn.to_k", "attn.to_v"}) {
      tensors_[name + ".weight"] = numbered({2, 3});
      tensors_[name + ".bias"] = numbered({2});
    }
    tensors_["patch.weight"] = numbered({4, 3, 2, 2});
    tensors_["patch.bias"] = numbered({4});
    tensors_["conv.weight"] = numbered({2, 2, 3, 3});
    tensors_["conv.bias"] = numbered({2});
    tensors_["norm.weight"] = numbered({5});
    tensors_["table"] = numbered({6, 2});
  }

  StoredWeights source() {
    write_safetensors(folder_ / "model.safetensors", tensors_);
    return {"model.safetensors", read_safetensors(folder_ / "model.safetensors").tensors};
  }

  SmallModel load() {
    SmallModel model;
    const StoredWeights weights = source();
    Loader loader(weights, ops_, Reuse::many);
    model.parameters(Parameters(loader));
    return model;
  }

  // What check_all_bound says, which a load of a missing or misfit tensor must agree with.
  std::string problems() {
    SmallModel model;
    const StoredWeights weights = source();
    return file_error([&] { check_all_bound(weights, [&](const Parameters& p) { model.parameters(p); }); });
  }

  std::vector<float> joined(const std::string& suffix) {
    std::vector<float> all;
    for (const std::string name : {"attn.to_q", "attn.to_k", "attn.to_v"})
      for (const float value : floats_of(tensors_[name + suffix])) all.push_back(value);
    return all;
  }

  TemporaryFolder folder_;
  Tensors tensors_;
  std::unique_ptr<Ops> reference_ = make_ref_ops();
  CountingOps ops_{*reference_};
};

TEST_F(Load, BindsEverything) {
  EXPECT_EQ(problems(), "no error");
  const SmallModel model = load();
  EXPECT_EQ(model.fused.weight.shape(), (Shape{6, 3}));
  EXPECT_EQ(floats_of(model.fused.weight), joined(".weight"));
  EXPECT_EQ(floats_of(model.fused.bias), joined(".bias"));
  EXPECT_FALSE(model.projection.loaded());
  EXPECT_EQ(model.patches.weight.shape(), (Shape{4, 12}));
  EXPECT_EQ(floats_of(model.conv.weight), floats_of(tensors_["conv.weight"]));
  EXPECT_EQ(floats_of(model.norm), floats_of(tensors_["norm.weight"]));
  EXPECT_EQ(floats_of(model.table), floats_of(tensors_["table"]));
  EXPECT_EQ(ops_.linears, 2);  // the optional projection is absent
  EXPECT_EQ(ops_.convs, 1);

  tensors_["projection.weight"] = numbered({2, 2});
  EXPECT_EQ(problems(), "no error");
  EXPECT_TRUE(load().projection.loaded());
  EXPECT_EQ(ops_.linears, 5);
}

TEST_F(Load, KeepsTheTypeOfMatricesAndTablesAndWidensVectors) {
  for (auto& [name, tensor] : tensors_) tensor = tensor.to(DType::bf16);
  const SmallModel model = load();
  EXPECT_EQ(model.fused.weight.dtype(), DType::bf16);
  EXPECT_EQ(model.conv.weight.dtype(), DType::bf16);
  EXPECT_EQ(model.table.dtype(), DType::bf16);
  EXPECT_EQ(model.fused.bias.dtype(), DType::f32);
  EXPECT_EQ(model.conv.bias.dtype(), DType::f32);
  EXPECT_EQ(model.norm.dtype(), DType::f32);
  EXPECT_EQ(floats_of(model.fused.weight), joined(".weight"));
}

TEST_F(Load, StacksPartsOfDifferentTypesAndScalesAsF32) {
  tensors_["attn.to_k.weight"] = tensors_["attn.to_k.weight"].to(DType::f16);
  EXPECT_EQ(load().fused.weight.dtype(), DType::f32);
  EXPECT_EQ(floats_of(load().fused.weight), joined(".weight"));

  StoredTensors stored;
  for (const std::string name : {"attn.to_q", "attn.to_k", "attn.to_v"})
    tensors_[name + ".weight"] = Tensor::from(Shape{2, 3}, std::vector<float>(6, 2.0f)).to(DType::f8_e4m3);
  source();
  stored = read_safetensors(folder_ / "model.safetensors").tensors;
  stored["attn.to_v.weight"].scale = 4;
  const StoredWeights weights("", stored);
  Loader loader(weights, ops_, Reuse::many);
  SmallModel model;
  model.parameters(Parameters(loader));
  std::vector<float> expected(12, 2.0f);
  expected.insert(expected.end(), 6, 8.0f);
  EXPECT_EQ(floats_of(model.fused.weight), expected);
}

TEST_F(Load, PartsThatLieInOrderAreOneView) {
  // In a file they lie by name: k, q, v. As rows of one original tensor they lie in order.
  write_safetensors(folder_ / "qkv", {{"qkv", numbered({6, 3})}});
  const StoredTensor whole = read_safetensors(folder_ / "qkv").tensors.at("qkv");
  source();
  StoredTensors stored = read_safetensors(folder_ / "model.safetensors").tensors;
  std::size_t at = 0;
  for (const std::string name : {"attn.to_q.weight", "attn.to_k.weight", "attn.to_v.weight"}) {
    stored[name] = whole;
    stored[name].shape = {2, 3};
    stored[name].segments = {whole.segments[0].subspan(at, 24)};
    at += 24;
  }
  const StoredWeights weights("", stored);
  Loader loader(weights, ops_, Reuse::many);
  SmallModel model;
  model.parameters(Parameters(loader));
  EXPECT_EQ(model.fused.weight.raw(), whole.segments[0].data());
  EXPECT_EQ(model.fused.weight.shape(), (Shape{6, 3}));
}

TEST_F(Load, QuantizesByItsOwnNameAndNeverPatches) {
  // A layer of patches has no rule of its own, neither as the first one nor after one that has.
  struct PatchesFirst : SmallModel {
    Linear first;
    void parameters(const Parameters& p) {
      p.patch_linear("patch", first, 4, 3, 2);
      SmallModel::parameters(p);
    }
  } model;
  std::vector<std::string> asked;
  const auto applies = [&](std::string_view name, ParameterKind /*kind*/, WeightFormat /*format*/) {
    asked.emplace_back(name);
    return true;
  };
  const StoredWeights weights = source();
  Loader loader(weights, ops_, Reuse::many, {.format = WeightFormat::int8, .applies = applies});
  model.parameters(Parameters(loader));
  EXPECT_EQ(asked, std::vector<std::string>{"attn.to_q.weight"});
  EXPECT_NE(model.fused.quantized, nullptr);
  EXPECT_FALSE(model.fused.weight.defined());
  for (const Linear* patches : {&model.first, &model.patches}) {
    EXPECT_EQ(patches->quantized, nullptr);
    EXPECT_EQ(floats_of(patches->weight), floats_of(tensors_["patch.weight"]));
  }
}

TEST_F(Load, NamesWhatIsMissing) {
  tensors_.erase("attn.to_k.weight");
  EXPECT_EQ(problems(), "model.safetensors: 1 tensor does not fit the model: 'attn.to_k.weight' is missing");
  EXPECT_EQ(file_error("model.safetensors", [&] { load(); }),
            "model.safetensors: tensor 'attn.to_k.weight' is missing");
}

TEST_F(Load, NamesWhatIsUnused) {
  tensors_["attn.norm_q.weight"] = numbered({2});
  EXPECT_EQ(
      problems(),
      "model.safetensors: 1 tensor does not fit the model: 'attn.norm_q.weight' is not used by the model");
}

TEST_F(Load, NamesWhatHasAnotherShapeOrType) {
  tensors_["norm.weight"] = numbered({4});
  tensors_["attn.to_v.weight"] = numbered({3, 3});
  tensors_["attn.to_v.bias"] = numbered({});
  tensors_["projection.weight"] = numbered({2});
  tensors_["conv.bias"] = Tensor::zeros({2}, DType::i32);
  const std::string message = problems();
  for (const std::string part :
       {"5 tensors do not fit the model", "'norm.weight' has shape [4] instead of [5]",
        "'attn.to_q.weight' and the tensors stacked below it have shapes [2, 3], [2, 3], [3, 3] instead of "
        "[6, 3] in all",
        "have shapes [2], [2], [] instead of [6] in all",
        "'projection.weight' has shape [2] instead of [2, 2]",
        "'conv.bias' is of type i32, which is not a float type"})
    EXPECT_NE(message.find(part), std::string::npos) << message;
  EXPECT_NE(file_error("model.safetensors", [&] { load(); })
                .find("model.safetensors: tensor 'attn.to_q.weight' and"),
            std::string::npos);
}

TEST_F(Load, NamesTheFirstFewOfMany) {
  tensors_ = {{"x", numbered({1})}};
  const std::string message = problems();
  EXPECT_NE(message.find(" and "), std::string::npos) << message;
  EXPECT_TRUE(message.ends_with(" more")) << message;
  EXPECT_LT(message.size(), 400u);
}

TEST_F(Load, RefusesVectorsThatAreNotFinite) {
  for (const float bad : {std::numeric_limits<float>::infinity(), std::nanf("")}) {
    tensors_["norm.weight"].data<float>()[3] = bad;
    EXPECT_EQ(
        file_error("model.safetensors", [&] { load(); }),
        "model.safetensors: tensor 'norm.weight' holds NaN or infinity at element 3; the file is damaged");
  }
}

}  // namespace
}  // namespace sd35
