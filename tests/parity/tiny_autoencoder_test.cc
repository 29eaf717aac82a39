// The tiny autoencoder against diffusers' AutoencoderTiny, with random weights in f32. The goldens are made by
// tools/reference/tiny_autoencoder_goldens.py.
#include "vae/tiny_autoencoder.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "ops/ops.h"
#include "tests/support/compare.h"
#include "tests/support/tensor_file.h"
#include "weights/load.h"
#include "weights/model/model_files.h"

namespace sd35 {
namespace {

const std::filesystem::path kTinyGolden =
    std::filesystem::path(SD35_SOURCE_DIR) / "tests" / "golden" / "tiny_autoencoder";

Tensor tiny_golden(const char* name) { return read_tensors(kTinyGolden.string() + ".safetensors").at(name); }

struct Tiny {
  Tiny(const std::string& engine, DType dtype, std::int64_t band_elements = kTinyBandElements)
      : files(ModelFiles::open_part(Component::vae, kTinyGolden)),
        config(VaeConfig::from_json(files.config(Component::vae), files.config_location(Component::vae))),
        ops(make_ops(engine, dtype)),
        encoder(config, band_elements),
        decoder(config, band_elements) {
    const auto weights = files.weights(Component::vae);
    const auto describe = [&](const Parameters& p) {
      encoder.parameters(p.scope("encoder"));
      decoder.parameters(p.scope("decoder"));
    };
    check_all_bound(*weights, describe);
    Loader loader(*weights, *ops, Reuse::many);
    describe(Parameters(loader));
  }

  ModelFiles files;
  VaeConfig config;
  std::unique_ptr<Ops> ops;
  TinyEncoder encoder;
  TinyDecoder decoder;
};

TEST(TinyAutoencoderParityTest, DecodesAsDiffusers) {
  for (const char* engine : {"ref", "native"}) {
    const Tiny tiny(engine, DType::f32);
    EXPECT_LE(relative_error(tiny.decoder.forward(*tiny.ops, tiny_golden("latents")), tiny_golden("decoded")),
              1e-5)
        << engine;
  }
  const Tiny rough("native", DType::bf16);
  EXPECT_LE(relative_error(rough.decoder.forward(*rough.ops, tiny_golden("latents")), tiny_golden("decoded")),
            0.04);
}

TEST(TinyAutoencoderParityTest, EncodesAsDiffusers) {
  for (const char* engine : {"ref", "native"}) {
    const Tiny tiny(engine, DType::f32);
    EXPECT_FALSE(tiny.config.has_posterior());
    EXPECT_LE(relative_error(tiny.encoder.forward(*tiny.ops, tiny_golden("picture")), tiny_golden("encoded")),
              1e-5)
        << engine;
  }
}

TEST(TinyAutoencoderParityTest, BandsChangeNothing) {
  const Tiny whole("ref", DType::f32);
  for (const std::int64_t elements : {1, 8 * 96 * 5, 8 * 96 * 17}) {
    const Tiny bands("ref", DType::f32, elements);
    const Tensor latents = tiny_golden("latents"), picture = tiny_golden("picture");
    EXPECT_EQ(relative_error(bands.decoder.forward(*bands.ops, latents),
                             whole.decoder.forward(*whole.ops, latents)),
              0)
        << elements;
    EXPECT_EQ(relative_error(bands.encoder.forward(*bands.ops, picture),
                             whole.encoder.forward(*whole.ops, picture)),
              0)
        << elements;
  }
}

}  // namespace
}  // namespace sd35
