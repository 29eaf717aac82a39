// Drawings that begin with a picture, paint a part of one, or have one as a reference, against diffusers, in
// f32. The goldens are made by tools/reference/parity_goldens.py.
#include <gtest/gtest.h>

#include <array>
#include <filesystem>

#include "image/resize.h"
#include "mmdit/transformer.h"
#include "pipeline/autoencode.h"
#include "pipeline/components.h"
#include "pipeline/latent_inputs.h"
#include "pipeline/loading.h"
#include "pipeline/picture_inputs.h"
#include "tests/support/compare.h"
#include "tests/support/tensor_file.h"
#include "tests/support/tiny_model.h"
#include "vae/autoencoder.h"

namespace sd35 {
namespace {

// The settings of the script.
GenerateOptions begin_with_picture(std::uint64_t seed, double strength) {
  Picture picture{64, 48, {}};
  for (int i = 0; i < 64 * 48 * 3; ++i) picture.rgb.push_back(static_cast<std::uint8_t>(i % 251));
  GenerateOptions options;
  options.prompt = "A capybara holding a sign that reads Hello World";
  options.negative_prompt = "blurry";
  options.width = 96;
  options.height = 80;
  options.num_inference_steps = 5;
  options.guidance_scale = 4.5;
  options.sampler = "euler";
  options.max_sequence_length = 32;
  options.seed = seed;
  options.init.picture.picture = std::make_shared<const Picture>(std::move(picture));
  options.init.strength = strength;
  return options;
}

GenerateOptions paint_in_picture(std::uint64_t seed, double strength) {
  GenerateOptions options = begin_with_picture(seed, strength);
  Picture mask{64, 48, std::vector<std::uint8_t>(std::size_t{64} * 48 * 3)};
  for (std::size_t y = 10; y < 30; ++y)
    for (std::size_t i = std::size_t{20} * 3; i < std::size_t{40} * 3; ++i) mask.rgb[y * 64 * 3 + i] = 255;
  options.inpaint.mask.picture = std::make_shared<const Picture>(std::move(mask));
  options.inpaint.blur = 0;
  return options;
}

class PicturesInTest : public testing::Test {
 protected:
  PicturesInTest()
      : components_(open_components(tiny_model().string(),
                                    [] {
                                      LoadOptions load;
                                      load.dtype = "f32";
                                      return load;
                                    }())),
        ops_(make_ops("native", DType::f32)),
        transformer_(components_.transformer),
        encoder_(components_.vae) {
    load_model(transformer_, *components_.transformer_weights, "", *ops_,
               StageProgress(silent_, Stage::load));
    load_model(encoder_, *components_.vae_weights, "encoder", *ops_, StageProgress(silent_, Stage::load));
  }

  Tensor moments(const Image& picture) const {
    return encode(*ops_, components_.vae, encoder_, picture, false,
                  StageProgress(silent_, Stage::encode_picture));
  }

  // As Pipeline::generate() goes about it, without the decoder.
  Tensor final_latents(const GenerateOptions& options) const {
    const PictureInputs inputs = read_inputs(options, [](const std::string& warning) { FAIL() << warning; });
    LatentInputs latent_inputs;
    DenoiseJob job;
    if (inputs.init) latent_inputs.encoded = moments(*inputs.init);
    if (inputs.reference)
      job.references = {
          to_denoiser_scale(components_.vae, sample_posterior(moments(*inputs.reference), Tensor()))};
    const Schedule schedule = schedule_of(options, components_.scheduler);
    NormalGenerator generator(RandomSource::torch_cpu, options.seed);
    const std::vector<Beginning> beginnings{begin(latent_inputs, components_.vae, options, generator,
                                                  DType::f32,
                                                  {1, 16, *options.height / 8, *options.width / 8})};
    begin_with(beginnings, schedule, job);
    if (inputs.mask)
      hold_to_picture(beginnings, latent_mask(*inputs.mask, 8, false), false, schedule, 0.003f, job);
    const auto texts = [](const std::string& text) { return PromptTexts{text, text, text}; };
    const std::vector<PromptTexts> prompts{texts(options.negative_prompt), texts(options.prompt)};
    job.prompt = components_.prompt_encoder.encode(
        *ops_, prompts, components_.transformer.joint_attention_dim, *options.max_sequence_length);
    job.contexts = {{0, {}}, {1, {}}};
    job.guidance =
        std::make_shared<ClassifierFreeGuidance>(GuidanceSettings{*options.guidance_scale, schedule.steps()});
    return denoise(*ops_, transformer_, std::move(job), StageProgress(silent_, Stage::denoise));
  }

  void expect_golden(const GenerateOptions& options, const std::string& name) const {
    const std::filesystem::path goldens =
        std::filesystem::path(SD35_SOURCE_DIR) / "tests/golden/pictures_in.safetensors";
    EXPECT_LE(relative_error(final_latents(options), read_tensors(goldens).at(name)), 1e-5) << name;
  }

  Callbacks silent_;
  Components components_;
  std::unique_ptr<Ops> ops_;
  Transformer transformer_;
  VaeEncoder encoder_;
};

TEST_F(PicturesInTest, DrawingsThatBeginWithAPicture) {
  expect_golden(begin_with_picture(7, 0.6), "img2img_7");
  expect_golden(begin_with_picture(8, 1), "img2img_8");
}

TEST_F(PicturesInTest, DrawingsThatPaintAPart) {
  expect_golden(paint_in_picture(7, 0.6), "inpaint_7");
  expect_golden(paint_in_picture(8, 1), "inpaint_8");
}

TEST_F(PicturesInTest, DrawingsWithAReference) {
  GenerateOptions options = begin_with_picture(7, 1);
  options.edit = std::exchange(options.init.picture, {});
  options.reference_tokens = true;
  expect_golden(options, "edit_7");
}

}  // namespace
}  // namespace sd35
