// Pictures that go into a drawing.
#include "pipeline/picture_inputs.h"

#include <gtest/gtest.h>

#include <functional>

#include "core/error.h"
#include "tests/support/file_bytes.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/pipeline/bf16_model.h"

namespace sd35 {
namespace {

InputPicture in_memory(Picture picture) { return {{}, std::make_shared<const Picture>(std::move(picture))}; }

Picture picture_of(int width, int height, const std::function<int(int x, int y)>& level) {
  Picture picture{width, height, {}};
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      picture.rgb.insert(picture.rgb.end(), 3, static_cast<std::uint8_t>(level(x, y)));
  return picture;
}

Picture slope(int width, int height) {
  return picture_of(width, height, [](int x, int y) { return (4 * x + 3 * y) % 251; });
}

// White where x is less than `white`.
Picture mask(int width, int height, int white) {
  return picture_of(width, height, [&](int x, int) { return x < white ? 255 : 0; });
}

GenerateOptions with_picture() {
  GenerateOptions options;
  options.prompt = "a red square";
  options.width = 64;
  options.height = 48;
  options.num_inference_steps = 3;
  options.max_sequence_length = 16;
  options.init.picture = in_memory(slope(64, 48));
  return options;
}

GenerateOptions with_mask() {
  GenerateOptions options = with_picture();
  options.inpaint.mask = in_memory(mask(64, 48, 24));
  return options;
}

Pipeline open_f32() {
  LoadOptions load;
  load.dtype = "f32";
  return Pipeline::from_pretrained(bf16_model().string(), load);
}

std::vector<Picture> draw_all(const GenerateOptions& options) { return open_f32().generate(options); }
Picture draw_one(const GenerateOptions& options) { return draw_all(options).at(0); }

std::string refusal(const GenerateOptions& options) {
  try {
    draw_one(options);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(PictureInputs, GiveTheSize) {
  const auto completed = [](Picture picture, const std::function<void(GenerateOptions&)>& change = {}) {
    GenerateOptions options;
    options.init.picture = in_memory(std::move(picture));
    if (change) change(options);
    const GenerateOptions all = open_f32().completed(options);
    return std::pair(*all.width, *all.height);
  };
  EXPECT_EQ(completed(slope(50, 33)), std::pair(48, 32));
  EXPECT_EQ(completed(slope(3000, 1500)), std::pair(496, 240));  // the model was trained to 360 x 360
  EXPECT_EQ(completed(slope(3, 200)), std::pair(16, 192));
  EXPECT_EQ(completed(slope(64, 48),
                      [](GenerateOptions& o) {
                        o.inpaint.outpaint = {1, 0, 0, 17};
                      }),
            std::pair(80, 80));
  EXPECT_EQ(completed(slope(64, 48), [](GenerateOptions& o) { o.width = 96; }).first, 96);
}

TEST(PictureInputs, OfAFileAreThoseInMemory) {
  const TemporaryFolder folder;
  save(slope(64, 48), folder / "picture.png");
  GenerateOptions options = with_picture();
  const Picture expected = draw_one(options);
  options.init.picture = {folder / "picture.png"};
  EXPECT_EQ(draw_one(options).rgb, expected.rgb);
  EXPECT_EQ(picture_hash(options.init.picture), picture_hash(in_memory(slope(64, 48))));
  EXPECT_NE(picture_hash(options.init.picture), picture_hash(in_memory(slope(48, 64))));
}

TEST(PictureInputs, AtFullStrengthThePictureDoesNotMatter) {
  GenerateOptions options = with_picture();
  options.init.strength = 1;
  const Picture picture = draw_one(options);
  options.init.picture = in_memory(mask(64, 48, 10));
  EXPECT_EQ(draw_one(options).rgb, picture.rgb);
  options.init.strength = 0.5;
  EXPECT_NE(draw_one(options).rgb, picture.rgb);
}

TEST(PictureInputs, AWhiteMaskPaintsEverything) {
  GenerateOptions options = with_picture();
  const Picture everything = draw_one(options);
  options.inpaint.mask = in_memory(mask(64, 48, 64));
  EXPECT_EQ(draw_one(options).rgb, everything.rgb);
}

// 24 columns are painted, which fade 10 pixels into the others.
TEST(PictureInputs, WhatIsNotPaintedStaysByteForByte) {
  GenerateOptions options = with_mask();
  const Picture painted = draw_one(options);
  const Picture original = slope(64, 48);
  int changed = 0;
  for (std::size_t i = 0; i < painted.rgb.size(); ++i) {
    const std::size_t x = i / 3 % 64;
    if (x >= 24 + 10) {
      ASSERT_EQ(painted.rgb[i], original.rgb[i]) << i;
    } else {
      changed += painted.rgb[i] != original.rgb[i] ? 1 : 0;
    }
  }
  EXPECT_GT(changed, 1000);
  options.inpaint.paste = false;
  EXPECT_NE(draw_one(options).rgb, painted.rgb);
}

TEST(PictureInputs, OnlyTheMaskedPartIsDrawnAndPutBack) {
  GenerateOptions options = with_mask();
  options.init.picture = in_memory(slope(200, 120));
  options.inpaint.mask = in_memory(mask(200, 120, 30));
  options.inpaint.only_masked = 8;
  const Picture whole = draw_one(options);
  ASSERT_EQ(std::pair(whole.width, whole.height), std::pair(200, 120));
  const Picture original = slope(200, 120);
  bool painted = false;
  for (std::size_t i = 0; i < whole.rgb.size(); ++i) {
    if (i / 3 % 200 >= 40) {
      ASSERT_EQ(whole.rgb[i], original.rgb[i]) << i;
    } else {
      painted = painted || whole.rgb[i] != original.rgb[i];
    }
  }
  EXPECT_TRUE(painted);
}

TEST(PictureInputs, OutpaintingKeepsThePictureInItsPlace) {
  GenerateOptions options = with_picture();
  options.width.reset();
  options.height.reset();
  options.inpaint.outpaint = {16, 0, 0, 32};
  const Picture larger = draw_one(options);
  ASSERT_EQ(std::pair(larger.width, larger.height), std::pair(80, 80));
  const Picture original = slope(64, 48);
  // The upper right corner lies beyond the 16 pixels of overlap and the 20 that the paint fades.
  for (std::size_t x = 60; x < 64; ++x)
    for (std::size_t c = 0; c < 3; ++c) EXPECT_EQ(larger.rgb[3 * (x + 16) + c], original.rgb[3 * x + c]);
}

// Alpha is the mask, where there is any.
TEST(PictureInputs, TransparentIsPainted) {
  GenerateOptions options = with_mask();
  const Picture expected = draw_one(options);
  Picture transparent = picture_of(64, 48, [](int, int) { return 255; });
  for (int i = 0; i < 64 * 48; ++i) transparent.alpha.push_back(i % 64 < 24 ? 0 : 255);
  options.inpaint.mask = in_memory(transparent);
  EXPECT_EQ(draw_one(options).rgb, expected.rgb);
  options.inpaint.mask = in_memory(mask(64, 48, 24));
  options.inpaint.invert = true;
  EXPECT_NE(draw_one(options).rgb, expected.rgb);
}

TEST(PictureInputs, TransparencyThatIsDroppedIsSaid) {
  GenerateOptions options = with_picture();
  Picture transparent = slope(64, 48);
  transparent.alpha.assign(std::size_t{64} * 48, 7);
  options.init.picture = in_memory(transparent);
  std::string said;
  Callbacks callbacks;
  callbacks.on_warning = [&](const std::string& warning) { said += warning; };
  open_f32().generate(options, callbacks);
  EXPECT_NE(said.find("transparency"), std::string::npos) << said;
}

// Their noise follows one generator each, in whatever company they are drawn.
TEST(PictureInputs, PicturesOfASeriesAreThoseOfTheirSeeds) {
  for (GenerateOptions options : {with_mask(), [] {
                                    GenerateOptions larger = with_picture();
                                    larger.init.picture = {};
                                    larger.hires.scale = 1.5;
                                    larger.hires.strength = 0.8;
                                    larger.hires.upscaler = "lanczos";
                                    return larger;
                                  }()}) {
    options.seed = 5;
    options.count = 3;
    const std::vector<Picture> series = draw_all(options);
    options.count = 1;
    options.seed = 7;
    EXPECT_EQ(series.at(2).rgb, draw_one(options).rgb);
  }
}

TEST(PictureInputs, TheSecondPassIsLarger) {
  GenerateOptions options = with_picture();
  options.init = {};
  const Picture small = draw_one(options);
  options.hires.scale = 2;
  const Picture latent = draw_one(options);
  EXPECT_EQ(std::pair(latent.width, latent.height), std::pair(128, 96));
  options.hires.upscaler = "lanczos";
  EXPECT_NE(draw_one(options).rgb, latent.rgb);
  options.hires.scale = 8000;
  EXPECT_NE(refusal(options), "");
}

// What the first pass has drawn is nothing that anybody asked for.
TEST(PictureInputs, BetweenTheTwoPassesNothingIsDelivered) {
  GenerateOptions options = with_picture();
  options.init = {};
  options.hires.scale = 2;
  options.count = 2;
  int delivered = 0, passes = 0;
  Callbacks callbacks;
  callbacks.on_picture = [&](const Picture&, int) { ++delivered; };
  callbacks.on_progress = [&](const Progress& progress) {
    if (progress.stage == Stage::denoise && progress.step == 0 && progress.fraction == 0) ++passes;
    return passes < 2;  // the second pass of the first
  };
  EXPECT_THROW(open_f32().generate(options, callbacks), Cancelled);
  EXPECT_EQ(delivered, 0);
}

TEST(PictureInputs, AReferenceChangesThePictureOfAModelThatTakesOne) {
  GenerateOptions options = with_picture();
  options.edit = std::exchange(options.init.picture, {});
  EXPECT_NE(refusal(options).find("Kontext"), std::string::npos);
  options.reference_tokens = true;
  const Picture edited = draw_one(options);
  options.edit = in_memory(mask(64, 48, 10));
  EXPECT_NE(draw_one(options).rgb, edited.rgb);
}

TEST(PictureInputs, AreReplayedFromTheRecipe) {
  const TemporaryFolder folder;
  save(slope(64, 48), folder / "picture.png");
  save(mask(64, 48, 24), folder / "mask.png");
  GenerateOptions options = with_mask();
  options.init.picture = {folder / "picture.png"};
  options.inpaint.mask = {folder / "mask.png"};
  const Picture drawn = draw_one(options);
  Recipe recipe = recipe_of(drawn);
  EXPECT_EQ(recipe.generate.init.picture.path, "picture.png");
  EXPECT_EQ(recipe.picture_hashes.at("inpaint.mask"), picture_hash({folder / "mask.png"}));
  recipe.generate.init.picture.path = folder / "picture.png";
  recipe.generate.inpaint.mask.path = folder / "mask.png";
  EXPECT_EQ(draw_one(recipe.generate).rgb, drawn.rgb);

  const Recipe of_memory = recipe_of(draw_one(with_mask()));
  EXPECT_TRUE(of_memory.generate.init.picture.path.string().starts_with("picture-"));
  EXPECT_EQ(of_memory.picture_hashes, recipe.picture_hashes);
}

TEST(PictureInputs, ThatDoNotGoTogetherAreRefused) {
  const auto refused = [](const std::function<void(GenerateOptions&)>& change, const std::string& says) {
    GenerateOptions options = with_mask();
    change(options);
    const std::string message = refusal(options);
    EXPECT_FALSE(message.empty()) << says;
    EXPECT_NE(message.find(says), std::string::npos) << message;
  };
  refused([](GenerateOptions& o) { o.inpaint.mask = in_memory(mask(64, 49, 3)); }, "64x49");
  refused([](GenerateOptions& o) { o.inpaint.mask = in_memory(mask(64, 48, 0)); }, "white enough");
  refused([](GenerateOptions& o) { o.init.picture = {}; }, "--init");
  refused([](GenerateOptions& o) { o.init.strength = 0; }, "strength");
  refused([](GenerateOptions& o) { o.init.strength = 1e-300; }, "strength");
  refused([](GenerateOptions& o) { o.init.resize = "zoom"; }, "stretch, crop, fill");
  refused([](GenerateOptions& o) { o.inpaint.outpaint = {1, 2}; }, "outpaint");
  refused([](GenerateOptions& o) { o.inpaint.outpaint = {0, 0, 0, 0}; }, "outpaint");
  refused([](GenerateOptions& o) { o.hires.scale = 2; }, "hires");
  refused([](GenerateOptions& o) { o.hires.steps = 2; }, "--hires");
  refused(
      [](GenerateOptions& o) {
        o.inpaint.mask = {};
        o.inpaint.outpaint = {2048, 2048, 2048, 2048};
      },
      "4160x4144");
  refused(
      [](GenerateOptions& o) {
        o.inpaint.mask = {};
        o.inpaint.only_masked = 3;
      },
      "--mask");
  const TemporaryFolder folder;
  put_file(folder / "text.png", "not a picture");
  refused([&](GenerateOptions& o) { o.init.picture = {folder / "text.png"}; }, "text.png");
  refused([&](GenerateOptions& o) { o.init.picture = {folder / "missing.png"}; }, "missing.png");
  refused([](GenerateOptions& o) { o.init.picture = in_memory({4, 4, {1, 2}}); }, "");
}

}  // namespace
}  // namespace sd35
