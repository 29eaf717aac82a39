#include "train/objectives/autoencoder_loss.h"

#include <ATen/ATen.h>

#include "ops/torch/torch_ops.h"

namespace sd35::train {
namespace {

at::Tensor slopes(const at::Tensor& x, int dim) { return x.diff(1, dim); }

}  // namespace

at::Tensor gradient_difference(const at::Tensor& a, const at::Tensor& b) {
  constexpr int scales = 3, rows = 2, columns = 3;
  at::Tensor error = a - b, sum = at::zeros({}, a.options());
  for (int scale = 0; scale < scales; ++scale) {
    if (scale > 0) error = at::avg_pool2d(error, 2);
    for (const int dim : {rows, columns}) sum = sum + slopes(error, dim).abs().mean();
  }
  return sum / (2 * scales);
}

AutoencoderLoss autoencoder_loss(const Ops& ops, const VaeEncoder& encoder, const VaeDecoder& decoder,
                                 const Tensor& pictures, const Tensor& noise,
                                 const AutoencoderLossOptions& options, const Tensor& disturbance) {
  constexpr double least_log_variance = -30, largest_log_variance = 20;
  const std::vector<at::Tensor> moments = to_torch(encoder.forward(ops, pictures)).chunk(2, 1);
  const at::Tensor& mean = moments[0];
  const at::Tensor log_variance = moments[1].clamp(least_log_variance, largest_log_variance);
  at::Tensor latents = mean + (0.5 * log_variance).exp() * to_torch(noise).to(mean.options());
  if (disturbance.defined()) latents = latents + to_torch(disturbance).to(mean.options());
  const at::Tensor decoded = to_torch(decoder.forward(ops, from_torch(latents)));
  const at::Tensor wanted = to_torch(pictures).to(decoded.options());

  AutoencoderLoss loss;
  const at::Tensor error = wanted - decoded;
  loss.reconstruction = (options.reconstruction == Reconstruction::mse ? error.square() : error.abs()).mean();
  loss.kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum() /
            static_cast<double>(wanted.numel());
  loss.perceptual = gradient_difference(wanted, decoded);
  loss.total = loss.reconstruction + options.kl * loss.kl;
  if (options.perceptual != 0) loss.total = loss.total + options.perceptual * loss.perceptual;
  loss.reconstruction = loss.reconstruction.detach();
  loss.kl = loss.kl.detach();
  loss.perceptual = loss.perceptual.detach();
  return loss;
}

}  // namespace sd35::train
