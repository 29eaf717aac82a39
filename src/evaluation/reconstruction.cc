#include "evaluation/reconstruction.h"

#include <array>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/type_names.h"
#include "ops/ops.h"
#include "vae/autoencoder.h"
#include "vae/encoder_decoder.h"
#include "weights/load.h"
#include "weights/model/model_files.h"

namespace sd35 {

struct Reconstruction::State {
  State(const ModelFiles& files, const LoadOptions& load)
      : ops(make_ops(load.engine, compute_type_from_name(load.dtype), load.device)),
        config(VaeConfig::from_json(files.config(Component::vae), files.config_location(Component::vae))),
        autoencoder(config) {
    const auto weights = files.weights(Component::vae);
    Loader loader(*weights, *ops, Reuse::many);
    autoencoder.parameters(Parameters(loader));
  }

  std::unique_ptr<Ops> ops;
  VaeConfig config;
  Autoencoder autoencoder;
};

// The other parts may belong to any model.
Reconstruction::Reconstruction(const std::string& model, const LoadOptions& load)
    : state_(std::make_unique<State>(ModelFiles::open(model, {.vae = load.parts.vae}), load)) {}

Reconstruction::~Reconstruction() = default;

Image Reconstruction::apply(const Image& picture) const {
  const int scale = state_->config.scale();
  if (picture.width % scale != 0 || picture.height % scale != 0)
    throw ArgumentError("the autoencoder takes pictures whose sides are multiples of " +
                        std::to_string(scale) + ", not " + std::to_string(picture.width) + " x " +
                        std::to_string(picture.height));
  constexpr std::array kToPlanes{0, 3, 1, 2}, kToPixels{0, 2, 3, 1};
  const Tensor pixels = pixels_from_image(picture).reshape({1, picture.height, picture.width, 3});
  const auto& [encoder, decoder] = state_->autoencoder;
  const Tensor encoded = encoder->forward(*state_->ops, state_->ops->permute(pixels, kToPlanes));
  const Tensor latents = state_->config.has_posterior() ? sample_posterior(encoded, Tensor()) : encoded;
  const Tensor planes = decoder->forward(*state_->ops, latents);
  return image_from_pixels(
      state_->ops->permute(planes, kToPixels).reshape({picture.height, picture.width, 3}));
}

}  // namespace sd35
