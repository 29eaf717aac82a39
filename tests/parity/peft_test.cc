// Folders that PEFT saved, on the tiny random model's transformer in f32, against PEFT's own merge. The
// goldens are made by tools/reference/peft_goldens.py.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "lora/merge.h"
#include "ops/ops.h"
#include "pipeline/adapters.h"
#include "tests/support/compare.h"
#include "tests/support/stages.h"
#include "tests/support/tensor_file.h"
#include "tests/support/tiny_model.h"

namespace sd35 {
namespace {

const std::filesystem::path kTestGoldens = std::filesystem::path(SD35_SOURCE_DIR) / "tests" / "golden";
const std::filesystem::path kPeftFolders = kTestGoldens / "lora" / "peft_folders";

Tensor velocity_with(const std::vector<LoraOptions>& loras) {
  ModelFiles files = ModelFiles::open(tiny_model());
  const LoraUpdates all = LoraFiles().read(loras, lora_targets(files, true),
                                           [](const std::string& warning) { FAIL() << warning; });
  for (const auto& [component, updates] : all)
    files.change_weights(component, [updates = updates](std::shared_ptr<const WeightSource> source) {
      return with_updates(std::move(source), updates);
    });
  NamedTensors inputs = read_tensors(kTestGoldens / "stages_inputs.safetensors");
  std::erase_if(inputs, [](const auto& input) { return !input.first.starts_with("transformer/1/"); });
  return run_stages(files, *make_ops("native", DType::f32), inputs).at("transformer/1/velocity");
}

Tensor golden(const char* name) { return read_tensors(kPeftFolders / "outputs.safetensors").at(name); }

TEST(PeftParityTest, FoldersAtFullStrength) {
  const Tensor without = velocity_with({});
  for (const char* kind : {"plain", "rslora", "patterns"}) {
    EXPECT_LE(relative_error(velocity_with({{kPeftFolders / kind, 1}}), golden(kind)), 1e-5) << kind;
    EXPECT_GT(relative_error(without, golden(kind)), 0.01) << kind << " changes nothing";
  }
}

TEST(PeftParityTest, TwoWithWeights) {
  EXPECT_LE(relative_error(velocity_with({{kPeftFolders / "plain", 0.7}, {kPeftFolders / "rslora", -0.3}}),
                           golden("two")),
            1e-5);
}

}  // namespace
}  // namespace sd35
