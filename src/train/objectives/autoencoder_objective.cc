#include "train/objectives/autoencoder_objective.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "core/error.h"
#include "ops/torch/torch_ops.h"
#include "train/growth.h"
#include "train/model_folder.h"
#include "train/objectives/preview_fit.h"
#include "train/optimizers/initialization.h"
#include "train/samples/batches.h"
#include "train/samples/frozen_parts.h"
#include "weights/files/safetensors.h"

namespace sd35::train {
namespace {

constexpr std::int64_t kValidationSquares = 64, kMeasuredPictures = 64, kShownPictures = 4;

struct MeasuredLatents {
  double mean = 0, deviation = 1;
  PreviewFit preview;
};

// Picture i of [B, 3, Y, X].
Image picture_at(const Tensor& pictures, std::int64_t i) {
  return image_from_planes(pictures.rows(i, i + 1).reshape({3, pictures.dim(2), pictures.dim(3)}));
}

// Statistics of the latents that the autoencoder with the weights in `file` draws for the first pictures.
MeasuredLatents measure_latents(const VaeConfig& config, const std::filesystem::path& file,
                                TrainingPictures& data, int side) {
  const auto ops = make_native_ops(DType::f32);
  const StoredWeights weights(file.string(), read_safetensors(file).tensors);
  const LatentEncoder encoder(config, weights, *ops);
  MeasuredLatents measured;
  double sum = 0, squares = 0;
  std::int64_t count = 0;
  MicroBatch batch;
  const Tensor pictures = data.first_squares(kMeasuredPictures, side, batch);
  for (std::int64_t i = 0; i < pictures.dim(0); ++i) {
    const Image picture = picture_at(pictures, i);
    const std::array images{&picture};
    const Tensor moments = encoder.moments(std::span<const Image* const>(images));  // [1, 2 C, h, w]
    measured.preview.add(picture, moments.reshape({moments.dim(1), moments.dim(2), moments.dim(3)}));
    const std::span<const float> values = moments.floats();
    const std::size_t half = values.size() / 2;
    for (std::size_t i = 0; i < half; ++i) {
      sum += values[i];
      squares += std::pow(values[i], 2) + std::exp(std::clamp(values[half + i], -30.0f, 20.0f));
    }
    count += static_cast<std::int64_t>(half);
  }
  measured.mean = sum / static_cast<double>(count);
  measured.deviation = std::sqrt(squares / static_cast<double>(count) - std::pow(measured.mean, 2));
  return measured;
}

// What was not trained.
void add_missing(std::map<std::string, Tensor>& weights, const WeightSource& source) {
  for (const std::string& name : source.names())
    if (!weights.contains(name)) weights.emplace(name, source.find(name)->read());
}

}  // namespace

AutoencoderObjective::AutoencoderObjective(const TrainConfig& config, const ModelFiles& files,
                                           const OnMessage& warn)
    : config_(config),
      files_(files),
      json_(config.grow ? grown_config(*config.grow, Component::vae, files.configuration(Component::vae))
                        : files.config(Component::vae)),
      vae_(VaeConfig::from_json(json_, files.config_location(Component::vae))),
      encoder_(vae_),
      decoder_(vae_),
      pictures_(config.data, warn) {
  check_crops();
  if (!config.validation_data.empty())
    validation_ = std::make_unique<TrainingPictures>(config.validation_data, warn);
}

void AutoencoderObjective::check_crops() const {
  for (std::size_t i = 0; i < config_.stages.size(); ++i)
    for (const int resolution : config_.stages[i].resolutions)
      for (const Bucket& bucket : picture_buckets(config_.stages[i], resolution))
        if (config_.stages[i].crop > std::min(bucket.width, bucket.height))
          throw ArgumentError("stage " + std::to_string(i + 1) + ": crop is " +
                              std::to_string(config_.stages[i].crop) + ", but resolution " +
                              std::to_string(resolution) + " has pictures of " +
                              std::to_string(bucket.width) + " x " + std::to_string(bucket.height) +
                              " pixels: take a smaller crop or max_aspect, or a larger resolution");
}

void AutoencoderObjective::parameters(const Parameters& p) {
  encoder_.parameters(p.scope("encoder"));
  decoder_.parameters(p.scope("decoder"));
}

bool AutoencoderObjective::trains(const ParameterSpec& spec) const {
  return !config_.autoencoder.decoder_only || spec.names.front().starts_with("decoder.");
}

void AutoencoderObjective::initialize(const ParameterSpec& spec, std::span<float> values,
                                      SampleRandom random) const {
  initial_values(spec, values, random);
  // Log variances begin low: under noise as strong as an untrained encoder's latents nothing is learned.
  if (spec.names.front() == "encoder.conv_out.bias") std::ranges::fill(values.last(values.size() / 2), -4.0f);
}

PreparedBatch AutoencoderObjective::prepare(MicroBatch& batch, const StepRandom& random) {
  const auto count = static_cast<std::int64_t>(batch.samples.size());
  const Stage& stage = config_.stages[batch.stage];
  const int width = stage.crop > 0 ? stage.crop : batch.width;
  const int height = stage.crop > 0 ? stage.crop : batch.height;
  const Shape latents{count, vae_.latent_channels, height / vae_.scale(), width / vae_.scale()};
  NoisyPictures made;
  made.noise = Tensor(latents, DType::f32);
  if (config_.autoencoder.latent_noise > 0) made.disturbance = Tensor(latents, DType::f32);
  const auto each = static_cast<std::size_t>(latents.numel() / count);
  std::vector<std::uint64_t> seeds;
  for (std::int64_t i = 0; i < count; ++i) {
    SampleRandom draws = random.sample(batch.first + i);
    seeds.push_back(static_cast<std::uint64_t>(draws.below(std::int64_t{1} << 32)));
    draws.normal({made.noise.data<float>() + static_cast<std::size_t>(i) * each, each});
    if (!made.disturbance.defined()) continue;
    const std::span<float> values{made.disturbance.data<float>() + static_cast<std::size_t>(i) * each, each};
    draws.normal(values);
    // The denoiser's latents, these times scaling_factor, have a deviation of 1.
    for (float& value : values)
      value *= static_cast<float>(config_.autoencoder.latent_noise) / vae_.scaling_factor;
  }
  const FitOptions fit{Crop::random, config_.flip};
  if (stage.crop == 0) {
    made.pictures = pictures_.fitted(batch, fit, seeds);
    return made;
  }
  CroppedPictures crops = pictures_.cropped(batch, fit, {stage.crop, vae_.scale(), stage.text_crops}, seeds);
  made.pictures = std::move(crops.pictures);
  made.text_crops = crops.about_text;
  return made;
}

at::Tensor AutoencoderObjective::loss(const Ops& ops, const PreparedBatch& batch,
                                      std::map<std::string, double>& figures) {
  const auto& [pictures, noise, disturbance, text_crops] = std::any_cast<const NoisyPictures&>(batch);
  const AutoencoderLoss loss =
      autoencoder_loss(ops, encoder_, decoder_, pictures, noise, loss_options(), disturbance);
  if (text_crops) figures["text_crops"] = *text_crops;
  figures["reconstruction"] = loss.reconstruction.item<double>();
  figures["kl"] = loss.kl.item<double>();
  figures["perceptual"] = loss.perceptual.item<double>();
  return loss.total;
}

AutoencoderLossOptions AutoencoderObjective::loss_options() const {
  return {config_.autoencoder.reconstruction == "mse" ? Reconstruction::mse : Reconstruction::l1,
          config_.autoencoder.kl_weight, config_.autoencoder.perceptual_weight};
}

int AutoencoderObjective::largest_side() const {
  const int side = *std::ranges::max_element(config_.stages.back().resolutions);
  return side / vae_.scale() * vae_.scale();
}

double AutoencoderObjective::validation_loss(const Ops& ops) {
  if (validation_ == nullptr) return std::nan("");
  const c10::NoGradGuard no_history;
  double sum = 0;
  MicroBatch batch;
  const Tensor pictures = validation_->first_squares(kValidationSquares, largest_side(), batch);
  const std::int64_t side = batch.width / vae_.scale();
  for (std::int64_t i = 0; i < pictures.dim(0); ++i)
    sum += autoencoder_loss(ops, encoder_, decoder_, pictures.rows(i, i + 1),
                            Tensor::zeros({1, vae_.latent_channels, side, side}), loss_options())
               .total.item<double>();
  return sum / static_cast<double>(pictures.dim(0));
}

std::vector<Image> AutoencoderObjective::samples(const Ops& ops, const Callbacks& /*callbacks*/) {
  const c10::NoGradGuard no_history;
  MicroBatch batch;
  TrainingPictures& source = validation_ ? *validation_ : pictures_;
  const Tensor pictures = source.first_squares(kShownPictures, largest_side(), batch);
  const at::Tensor mean = to_torch(encoder_.forward(ops, pictures)).chunk(2, 1)[0];
  const Tensor decoded =
      from_torch(to_torch(decoder_.forward(ops, from_torch(mean))).to(at::kCPU, at::kFloat));
  std::vector<Image> images;
  for (std::int64_t i = 0; i < pictures.dim(0); ++i) {
    images.push_back(picture_at(pictures, i));
    images.push_back(picture_at(decoded, i));
  }
  return images;
}

std::unique_ptr<Batches> AutoencoderObjective::batches() const {
  return picture_batches(config_, pictures_.dataset());
}

void AutoencoderObjective::write(const std::filesystem::path& run,
                                 const std::map<std::string, Tensor>& weights) const {
  const std::filesystem::path model = run / "model";
  std::map<std::string, Tensor> all = weights;
  if (config_.autoencoder.decoder_only) add_missing(all, *files_.weights(Component::vae));
  const std::filesystem::path file = write_weights(model, Component::vae, all);
  nlohmann::json json = json_;
  if (config_.from_scratch) {
    const MeasuredLatents latents = measure_latents(vae_, file, pictures_, largest_side());
    json["shift_factor"] = latents.mean;
    json["scaling_factor"] = 1 / latents.deviation;
    nlohmann::json extras = files_.extras();
    extras["preview"] =
        latents.preview.colours(VaeConfig::from_json(json, files_.config_location(Component::vae))).to_json();
    write_extras(model, extras);
  }
  write_rest(model, files_.location(), Component::vae, json);
}

}  // namespace sd35::train
