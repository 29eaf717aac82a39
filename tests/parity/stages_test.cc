// Every stage of the tiny random model against diffusers and transformers, in f32.
// The goldens are made by tools/reference/parity_goldens.py.
#include "tests/support/stages.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "ops/ops.h"
#include "tests/support/compare.h"
#include "tests/support/tensor_file.h"
#include "tests/support/tiny_model.h"

namespace sd35 {
namespace {

const std::filesystem::path kGoldens = std::filesystem::path(SD35_SOURCE_DIR) / "tests" / "golden";

class StagesTest : public testing::TestWithParam<const char*> {};

TEST_P(StagesTest, AgreeWithTheReference) {
  const auto ops = make_ops(GetParam(), DType::f32);
  NamedTensors inputs = read_tensors(kGoldens / "stages_inputs.safetensors");
  NamedTensors expected = read_tensors(kGoldens / "stages_outputs.safetensors");
  if (ops->name() == "ref") {  // plain loops would take a minute for the large picture
    inputs.erase("vae_tiled/0/latents");
    expected.erase("vae_tiled/0/picture");
  }
  const NamedTensors outputs = run_stages(ModelFiles::open(tiny_model()), *ops, inputs);
  ASSERT_GE(expected.size(), 14u);
  for (const auto& [name, reference] : expected) {
    ASSERT_TRUE(outputs.contains(name)) << name;
    EXPECT_LE(relative_error(outputs.at(name), reference), 1e-5) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Engines, StagesTest, testing::Values("native", "ref"),
                         [](const auto& info) { return std::string(info.param); });

// bf16 weights and GEMM inputs: the bound is a few roundings of 2^-9 per layer.
TEST(StagesTest, Bf16StaysNearTheReference) {
  const auto ops = make_ops("native", DType::bf16);
  const NamedTensors outputs =
      run_stages(ModelFiles::open(tiny_model()), *ops, read_tensors(kGoldens / "stages_inputs.safetensors"));
  for (const auto& [name, reference] : read_tensors(kGoldens / "stages_outputs.safetensors"))
    EXPECT_LE(relative_error(outputs.at(name), reference), 2e-2) << name;
}

}  // namespace
}  // namespace sd35
