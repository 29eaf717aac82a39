#include "vae/encoder_decoder.h"

#include "vae/autoencoder.h"
#include "vae/tiny_autoencoder.h"

namespace sd35 {

std::unique_ptr<PictureEncoder> make_encoder(const VaeConfig& config) {
  if (config.network == VaeNetwork::tiny) return std::make_unique<TinyEncoder>(config);
  return std::make_unique<VaeEncoder>(config);
}

std::unique_ptr<PictureDecoder> make_decoder(const VaeConfig& config) {
  if (config.network == VaeNetwork::tiny) return std::make_unique<TinyDecoder>(config);
  return std::make_unique<VaeDecoder>(config);
}

}  // namespace sd35
