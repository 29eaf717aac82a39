// From prompt to picture with the tiny random model against diffusers: 28 steps with guidance, in f32.
// The goldens are made by tools/reference/parity_goldens.py.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "mmdit/transformer.h"
#include "pipeline/components.h"
#include "pipeline/denoise.h"
#include "pipeline/loading.h"
#include "sampling/sigmas.h"
#include "sd35/sd35.h"
#include "tests/support/compare.h"
#include "tests/support/tensor_file.h"
#include "tests/support/tiny_model.h"

namespace sd35 {
namespace {

const std::filesystem::path kPipelineGoldens =
    std::filesystem::path(SD35_SOURCE_DIR) / "tests" / "golden" / "pipeline.safetensors";

LoadOptions in_f32() {
  LoadOptions options;
  options.dtype = "f32";
  return options;
}

// The settings of the script.
GenerateOptions settings() {
  GenerateOptions options;
  options.prompt = "A capybara holding a sign that reads Hello World";
  options.negative_prompt = "blurry";
  options.width = 160;
  options.height = 128;
  options.num_inference_steps = 28;
  options.guidance_scale = 4.5;
  options.sampler = "euler";
  options.max_sequence_length = 32;
  options.seed = 42;
  return options;
}

Tensor final_latents(const GenerateOptions& options) {
  const Components components = open_components(tiny_model().string(), in_f32());
  const auto ops = make_ops("native", DType::f32);
  const std::vector<PromptTexts> prompts = {
      {options.negative_prompt, options.negative_prompt, options.negative_prompt},
      {options.prompt, options.prompt, options.prompt}};
  const PromptEmbedding prompt = components.prompt_encoder.encode(
      *ops, prompts, components.transformer.joint_attention_dim, *options.max_sequence_length);
  const Callbacks callbacks;
  Transformer transformer(components.transformer);
  load_model(transformer, *components.transformer_weights, "", *ops, StageProgress(callbacks, Stage::load));
  const SkipLayerOptions& skip = options.skip_layer_guidance;
  DenoiseJob job;
  job.latents = initial_noise(RandomSource::torch_cpu, DType::f32, options.seed,
                              {1, 16, *options.height / 8, *options.width / 8});
  job.sigmas = flow_sigmas(*options.num_inference_steps);
  job.prompt = prompt;
  job.contexts = {{0, {}}, {1, {}}, {1, skip.layers}};
  job.guidance = std::make_shared<ClassifierFreeGuidance>(
      GuidanceSettings{*options.guidance_scale,
                       *options.num_inference_steps,
                       {},
                       {skip.layers, skip.scale, skip.start, skip.stop}});
  return denoise(*ops, transformer, job,
                 StageProgress(callbacks, Stage::denoise, 0, *options.num_inference_steps));
}

TEST(PipelineParityTest, LatentsAfter28Steps) {
  EXPECT_LE(relative_error(final_latents(settings()), read_tensors(kPipelineGoldens).at("latents")), 1e-4);
}

TEST(PipelineParityTest, LatentsWithSkipLayerGuidance) {
  GenerateOptions options = settings();
  options.skip_layer_guidance.layers = {1, 2};
  EXPECT_LE(relative_error(final_latents(options), read_tensors(kPipelineGoldens).at("latents_skip_layer")),
            1e-4);
}

TEST(PipelineParityTest, ThePictureDiffersByOneLevelAtMost) {
  Pipeline pipeline = Pipeline::from_pretrained(tiny_model().string(), in_f32());
  const Picture picture = pipeline.generate(settings()).at(0);
  const Tensor reference = read_tensors(kPipelineGoldens).at("picture");  // [height, width, 3]
  ASSERT_EQ(static_cast<std::size_t>(reference.numel()), picture.rgb.size());
  int largest = 0;
  for (std::size_t i = 0; i < picture.rgb.size(); ++i)
    largest = std::max(largest, std::abs(int{picture.rgb[i]} - int{reference.data<std::uint8_t>()[i]}));
  EXPECT_LE(largest, 1);
}

}  // namespace
}  // namespace sd35
