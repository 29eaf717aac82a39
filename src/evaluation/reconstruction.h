// Pictures that pass through a model's autoencoder and back.
#pragma once

#include <memory>
#include <string>

#include "image/image.h"
#include "sd35/sd35.h"

namespace sd35 {

class Reconstruction {
 public:
  // `model`: as for Pipeline::from_pretrained; only its autoencoder is read. Throws FileError.
  Reconstruction(const std::string& model, const LoadOptions& load);
  ~Reconstruction();
  Reconstruction(const Reconstruction&) = delete;
  Reconstruction& operator=(const Reconstruction&) = delete;

  // Encoded to the mean of its latents and decoded. Throws ArgumentError for sides that are not multiples of
  // the pixels a latent covers.
  Image apply(const Image& picture) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sd35
