// Pictures drawn by the torch engine are those of the native one.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "ops/torch/torch_ops.h"
#include "sd35/sd35.h"
#include "tests/support/tiny_model.h"

namespace sd35 {
namespace {

Picture draw(const char* engine, const char* quantize) {
  LoadOptions load;
  load.engine = engine;
  load.dtype = "f32";
  load.quantize = quantize;
  GenerateOptions options;
  options.prompt = "A capybara holding a sign that reads Hello World";
  options.width = 80;
  options.height = 64;
  options.num_inference_steps = 4;
  options.max_sequence_length = 16;
  Pipeline pipeline = Pipeline::from_pretrained(tiny_model().string(), load);
  return pipeline.generate(options).at(0);
}

int largest_difference(const Picture& a, const Picture& b) {
  int largest = a.rgb.size() == b.rgb.size() ? 0 : 255;
  for (std::size_t i = 0; i < std::min(a.rgb.size(), b.rgb.size()); ++i)
    largest = std::max(largest, std::abs(int{a.rgb[i]} - int{b.rgb[i]}));
  return largest;
}

class TorchPipelineTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { register_torch_engine(); }
};

TEST_F(TorchPipelineTest, DrawsWhatNativeDraws) {
  EXPECT_LE(largest_difference(draw("torch", ""), draw("native", "")), 1);
}

TEST_F(TorchPipelineTest, DrawsWithWeightsInNf4) {
  const Picture picture = draw("torch", "nf4");
  EXPECT_LE(largest_difference(picture, draw("native", "nf4")), 2);
  EXPECT_GT(largest_difference(picture, draw("torch", "")), 2) << "nothing was quantized";
}

}  // namespace
}  // namespace sd35
