#include "train/objectives/transformer_objective.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/random.h"
#include "core/threads.h"
#include "mmdit/position_table.h"
#include "ops/torch/torch_ops.h"
#include "pipeline/autoencode.h"
#include "pipeline/denoise.h"
#include "pipeline/model_defaults.h"
#include "pipeline/validation.h"
#include "sampling/guidance.h"
#include "sampling/sampler.h"
#include "sampling/sigmas.h"
#include "train/growth.h"
#include "train/model_folder.h"
#include "train/optimizers/initialization.h"
#include "train/process_group.h"
#include "train/samples/batches.h"
#include "train/samples/stage_mix.h"
#include "weights/load.h"

namespace sd35::train {
namespace {

// Validation: this many pictures, each at every level of noise of the grid.
constexpr std::int64_t kValidationPictures = 64;
constexpr std::array kValidationSigmas{0.0625f, 0.1875f, 0.3125f, 0.4375f,
                                       0.5625f, 0.6875f, 0.8125f, 0.9375f};

Tensor stack(std::span<const Tensor> parts) {
  std::vector<std::int64_t> dims{static_cast<std::int64_t>(parts.size())};
  dims.insert(dims.end(), parts[0].shape().dims().begin(), parts[0].shape().dims().end());
  Tensor all(Shape(dims), DType::f32);
  float* target = all.data<float>();
  for (const Tensor& part : parts) target = std::ranges::copy(part.floats(), target).out;
  return all;
}

class PositionTableFinder : public ParameterVisitor {
 public:
  std::string name;
  Tensor table;
  void parameter(const ParameterSpec& spec, Tensor& tensor) override {
    if (spec.kind != ParameterKind::position_table) return;
    name = spec.names.front();
    table = tensor;
  }
};

bool chance(SampleRandom& random, double probability) { return random.uniform() < probability; }

// The random decisions for one sample. Each draws its numbers in the same order, whatever the configuration
// does with them; the normal numbers of latents and noise follow.
struct SampleDraws {
  bool flip = false, crop = false;
  float sigma = 0, top = 0, left = 0;
  DroppedEncoders dropped;
  bool empty_caption = false;
  std::uint64_t caption_choice = 0;
  SampleRandom random{0, 0, 0};

  SampleDraws() = default;
  SampleDraws(const TrainConfig& config, SampleRandom numbers, double shift) : random(numbers) {
    flip = chance(random, 0.5) && config.flip;
    sigma = static_cast<float>(config.flow.timesteps.draw(random, shift));
    crop = chance(random, config.flow.position_crop);
    top = random.uniform();
    left = random.uniform();
    const double drop = config.flow.condition_dropout;
    dropped.clip_l = chance(random, drop);
    dropped.clip_g = chance(random, drop);
    dropped.t5 = chance(random, drop);
    caption_choice = static_cast<std::uint64_t>(random.below(std::int64_t{1} << 31));
    if (config.flow.empty_caption_dropout) {
      empty_caption = dropped.clip_l && dropped.clip_g && dropped.t5;
      dropped = {};
    }
  }

  // For a picture of patches in a table of `side` x `side`.
  PatchOrigin origin(std::int64_t side, std::int64_t rows, std::int64_t columns) const {
    if (!crop) return {(side - rows) / 2, (side - columns) / 2};
    const auto place = [](float u, std::int64_t free) {
      return std::min(free, static_cast<std::int64_t>(u * static_cast<float>(free + 1)));
    };
    return {place(top, side - rows), place(left, side - columns)};
  }
};

// The random decisions for a whole batch of pictures of one size.
struct BatchDraws {
  bool trim_text = false;
  ImageSize window;  // in tokens; that of the pictures if they stay whole

  BatchDraws(const Stage& settings, const TokenGrid& picture, SampleRandom random) {
    constexpr double full_texts = 0.2;  // of the batches: pictures are drawn with them
    trim_text = !chance(random, full_texts) && settings.trim_text;
    const auto shape = settings.window ? window_shape(*settings.window, picture, random) : std::nullopt;
    window = shape.value_or(ImageSize{picture.columns, picture.rows});
  }
};

// For B pictures of N tokens each, none chosen yet.
TokenRoute empty_route(const Route& route, std::int64_t B, std::int64_t N) {
  const auto past = std::llround(route.share * static_cast<double>(N));
  return {route.from - 1, route.to - 1, Tensor({B, std::max<std::int64_t>(N - past, 1)}, DType::i32)};
}

// The tokens of picture b that go through, every choice equally likely.
void choose_tokens(TokenRoute& route, std::int64_t b, std::int64_t N, SampleRandom& random) {
  std::int64_t wanted = route.through.dim(1);
  auto* chosen = route.through.data<std::int32_t>() + b * wanted;
  for (std::int64_t token = 0; wanted > 0; ++token) {
    if (random.below(N - token) >= wanted) continue;
    *chosen++ = static_cast<std::int32_t>(b * N + token);
    --wanted;
  }
}

// The first `count` tokens of embeddings [B, M, D].
Tensor first_tokens(const Tensor& tokens, std::int64_t count) {
  const std::int64_t B = tokens.dim(0), M = tokens.dim(1), D = tokens.dim(2);
  Tensor first({B, count, D}, DType::f32);
  for (std::int64_t b = 0; b < B; ++b)
    std::copy_n(tokens.data<float>() + b * M * D, count * D, first.data<float>() + b * count * D);
  return first;
}

}  // namespace

TransformerObjective::TransformerObjective(const TrainConfig& config, const ModelFiles& files,
                                           const std::filesystem::path& cache, const OnMessage& warn)
    : config_(config),
      transformer_json_(config.grow ? grown_config(*config.grow, Component::transformer,
                                                   files.configuration(Component::transformer))
                                    : files.config(Component::transformer)),
      transformer_(MmditConfig::from_json(transformer_json_, files.config_location(Component::transformer))),
      scheduler_(SchedulerConfig::from_json(files.scheduler_config(), files.location())),
      files_(files),
      pictures_(config.data, files, cache, config, warn),
      letter_layer_(transformer_.config().width()),
      warn_(warn) {
  check_sizes();
  if (config.transformer.letter_weight > 0 && !has_letters(pictures_.dataset()))
    throw ArgumentError(config.data +
                        ": 'letter_weight' needs letters, and no picture has any in its .json, as sd35 "
                        "make-dataset writes them into archives");
  if (config.validation_data.empty()) return;
  validation_ = std::make_unique<ConditionedPictures>(config.validation_data, files, cache, config, warn);
  letter_validation_ = std::make_unique<LetterValidation>(*validation_, config);
}

void TransformerObjective::parameters(const Parameters& p) {
  transformer_.parameters(p);
  if (config_.transformer.letter_weight > 0) letter_layer_.parameters(p);
}

bool TransformerObjective::stored(const ParameterSpec& spec) const {
  return !spec.names.front().starts_with(LetterLayer::kName);
}

bool TransformerObjective::tells_letters(std::int64_t step) const {
  return config_.transformer.letter_weight > 0 &&
         (config_.transformer.letter_until == 0 || step < config_.transformer.letter_until);
}

void TransformerObjective::check_sizes() const {
  for (std::size_t i = 0; i < config_.stages.size(); ++i) try {
      for (const Stage& part : parts_of(config_.stages[i])) {
        check_route(part);
        for (const int resolution : part.resolutions)
          for (const Bucket& bucket : picture_buckets(part, resolution)) check_size(part, resolution, bucket);
      }
    } catch (const ArgumentError&) {
      rethrow_with_context("stage " + std::to_string(i + 1));
    }
  if (config_.flow.samples.prompts.empty()) return;
  try {
    const GenerateOptions options = sample_options();
    check_options(options, transformer_.config(), pictures_.vae());
    check_steps(*options.num_inference_steps, scheduler_.num_train_timesteps);
  } catch (const ArgumentError& error) {
    // The message without the command line's name for the option.
    throw ArgumentError(std::string("samples: ") + error.what());
  }
}

void TransformerObjective::check_route(const Stage& part) const {
  const int blocks = transformer_.config().num_layers;
  if (part.route && part.route->to > blocks)
    throw ArgumentError("route goes to block " + std::to_string(part.route->to) + "; the model has " +
                        std::to_string(blocks));
}

void TransformerObjective::check_size(const Stage& part, int resolution, const Bucket& bucket) const {
  const std::string pictures = "resolution " + std::to_string(resolution) + " has pictures of " +
                               std::to_string(bucket.width) + " x " + std::to_string(bucket.height) +
                               " pixels; ";
  const MmditConfig& model = transformer_.config();
  const int most = pictures_.vae().scale() * model.patch_size * model.pos_embed_max_size;
  if (bucket.width > most)
    throw ArgumentError(pictures + "the model takes up to " + std::to_string(most) +
                        " per side: take a smaller resolution or max_aspect");
  SampleRandom any(0, 0, 0);
  if (part.window && !window_shape(*part.window, token_grid(bucket), any))
    throw ArgumentError(pictures +
                        "none of the window's shapes fits into them: add a smaller one, or take a larger "
                        "resolution or smaller max_aspect");
}

GenerateOptions TransformerObjective::sample_options() const {
  constexpr int kSampleSteps = 20;
  const GenerateOptions defaults = defaults_from_json(files_.extras(), transformer_.config(), pictures_.vae(),
                                                      files_.location() + ", sd35.json");
  GenerateOptions options;
  if (config_.flow.samples.width > 0) options.width = config_.flow.samples.width;
  if (config_.flow.samples.height > 0) options.height = config_.flow.samples.height;
  options.num_inference_steps = config_.flow.samples.steps > 0
                                    ? config_.flow.samples.steps
                                    : defaults.num_inference_steps.value_or(kSampleSteps);
  options.guidance_scale = config_.flow.samples.guidance_scale;
  options.max_sequence_length = pictures_.sequence_length(config_.stages.back());
  return with_model_defaults(options, defaults, transformer_.config(), pictures_.vae(), 0);
}

void TransformerObjective::initialize(const ParameterSpec& spec, std::span<float> values,
                                      SampleRandom random) const {
  if (spec.kind != ParameterKind::position_table) return initial_values(spec, values, random);
  const MmditConfig& config = transformer_.config();
  const std::int64_t centre = transformer_json_.value("sample_size", 128) / config.patch_size;
  PositionTable(config.pos_embed_max_size, config.width(), centre).fill(0, values);
}

TokenGrid TransformerObjective::token_grid(ImageSize picture) const {
  const int side = pictures_.vae().scale() * transformer_.config().patch_size;
  return {picture.width / side, picture.height / side, side};
}

double TransformerObjective::shift_of(const MicroBatch& batch) const {
  const double shift = config_.settings_of(batch.step).shift;
  if (shift > 0) return shift;
  const std::int64_t base = config_.flow.base_resolution;
  const std::int64_t pixels = static_cast<std::int64_t>(batch.width) * batch.height;
  return std::max(1.0, resolution_shift(pixels, base * base));
}

PreparedBatch TransformerObjective::prepare(MicroBatch& batch, const StepRandom& random) {
  const Stage& settings = config_.settings_of(batch.step);
  const TokenGrid grid = token_grid({batch.width, batch.height});
  const BatchDraws common(settings, grid, random.batch());
  const auto B = static_cast<std::int64_t>(batch.samples.size());
  std::vector<SampleDraws> draws(batch.samples.size());
  std::vector<FittedPicture> pictures(batch.samples.size());
  std::vector<std::string> captions(batch.samples.size());
  std::vector<TokenWindow> windows(batch.samples.size());
  std::vector<Annotation> annotations(batch.samples.size());
  parallel_for(B, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t b = begin; b < end; ++b) {
      const auto i = static_cast<std::size_t>(b);
      draws[i] = SampleDraws(config_, random.sample(batch.first + b), shift_of(batch));
      std::int64_t& sample = batch.samples[i];
      pictures[i] = fitted(batch, b, draws[i].flip, sample, annotations[i]);
      windows[i] = place_window(common.window, grid, annotations[i].text, random.window(batch.first + b));
      if (!draws[i].empty_caption) captions[i] = pictures_.dataset().caption(sample, draws[i].caption_choice);
    }
  });
  pictures_.encode(pictures);

  const PromptEmbedding embedding = embedded(captions, settings, common.trim_text);
  const Shape one{embedding.tokens.dim(1), embedding.tokens.dim(2)};
  const VaeConfig& vae = pictures_.vae();
  const MmditConfig& model = transformer_.config();
  const Shape latents{B, vae.latent_channels, common.window.height * model.patch_size,
                      common.window.width * model.patch_size};
  FlowBatch flow;
  flow.clean = Tensor(latents, DType::f32);
  flow.noise = Tensor(latents, DType::f32);
  flow.origins.resize(batch.samples.size());
  const std::int64_t each = latents.numel() / B, N = common.window.width * common.window.height;
  const bool routed = settings.route && !settings.window;
  if (routed) flow.route = empty_route(*settings.route, B, N);
  parallel_for(B, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t b = begin; b < end; ++b) {
      const auto i = static_cast<std::size_t>(b);
      const auto size = static_cast<std::size_t>(each);
      std::vector<float> normal(size);
      draws[i].random.normal(normal);
      std::ranges::copy(
          draw_latents(vae, cut(*pictures[i].moments, windows[i], model.patch_size), normal).floats(),
          flow.clean.data<float>() + b * each);
      draws[i].random.normal({flow.noise.data<float>() + b * each, size});
      if (routed) choose_tokens(flow.route, b, N, draws[i].random);
      flow.origins[i] = draws[i].origin(model.pos_embed_max_size, grid.rows, grid.columns);
      flow.origins[i].top += windows[i].top;
      flow.origins[i].left += windows[i].left;
      Tensor tokens = embedding.tokens.rows(b, b + 1).reshape(one);
      Tensor pooled = embedding.pooled.rows(b, b + 1).reshape({embedding.pooled.dim(1)});
      drop_encoders(pictures_.layout(), draws[i].dropped, tokens, pooled);
    }
  });
  for (const SampleDraws& sample : draws) flow.sigmas.push_back(sample.sigma);
  flow.clean = on_device(std::move(flow.clean));
  flow.noise = on_device(std::move(flow.noise));
  flow.prompt_embedding = on_device(embedding.tokens);
  flow.pooled_projection = on_device(embedding.pooled);
  if (tells_letters(batch.step) && !routed) flow.letters = letter_targets(annotations, windows, grid.side);
  return flow;
}

PromptEmbedding TransformerObjective::embedded(std::span<const std::string> captions, const Stage& settings,
                                               bool trimmed) {
  PromptEmbedding embedding = pictures_.embed(captions, pictures_.sequence_length(settings));
  if (trimmed)
    embedding.tokens = first_tokens(
        embedding.tokens, pictures_.layout().clip_tokens + pictures_.sequence_length(settings, captions));
  return embedding;
}

LetterTargets TransformerObjective::letter_targets(std::span<const Annotation> annotations,
                                                   std::span<const TokenWindow> windows,
                                                   int token_side) const {
  std::vector<std::int32_t> tokens, characters, places;
  std::vector<float> weights;
  for (std::size_t b = 0; b < annotations.size(); ++b) {
    const std::vector<AnnotatedLetter>& letters = annotations[b].letters;
    const std::vector<LetterToken> covered = covered_tokens(letters, windows[b], token_side);
    for (const LetterToken& token : covered) {
      const AnnotatedLetter& letter = letters[token.letter];
      const auto before = static_cast<std::int64_t>(b) * windows[b].rows * windows[b].columns;
      tokens.push_back(static_cast<std::int32_t>(before + token.token));
      characters.push_back(character_class(letter.character));
      places.push_back(place_class(letter.index));
      weights.push_back(1.0f / static_cast<float>(covered.size() * annotations.size()));
    }
  }
  if (tokens.empty()) return {};
  const Shape shape{static_cast<std::int64_t>(tokens.size())};
  return {on_device(Tensor::from(shape, tokens)), on_device(Tensor::from(shape, characters)),
          on_device(Tensor::from(shape, places)), on_device(Tensor::from(shape, weights))};
}

// Ahead of time, so that the device need not wait for it.
Tensor TransformerObjective::on_device(Tensor x) const {
  return from_torch(to_torch(x).to(at::Device(local_device(config_.device))));
}

FittedPicture TransformerObjective::fitted(const MicroBatch& batch, std::int64_t place, bool flip,
                                           std::int64_t& sample, Annotation& annotation) {
  constexpr int kAttempts = 16;
  for (int attempt = 0;; ++attempt) {
    try {
      if (config_.settings_of(batch.step).window || tells_letters(batch.step))
        annotation = pictures_.annotation(sample, batch.width, batch.height, flip);
      return pictures_.fitted(sample, batch.width, batch.height, flip);
    } catch (const FileError& error) {
      if (attempt == kAttempts || !batch.replacement) throw;
      const std::lock_guard lock(mutex_);
      if (unreadable_.insert(sample).second && warn_) warn_("skipped " + std::string(error.what()));
      sample = batch.replacement(place, attempt);
    }
  }
}

std::unique_ptr<Batches> TransformerObjective::batches() const {
  return picture_batches(config_, pictures_.dataset(), warn_);
}

at::Tensor TransformerObjective::loss(const Ops& ops, const PreparedBatch& batch,
                                      std::map<std::string, double>& figures) {
  const auto& flow = std::any_cast<const FlowBatch&>(batch);
  if (flow.letters.empty()) return flow_matching_loss(ops, transformer_, flow, config_.flow.timesteps);
  const int asked = std::max(transformer_.config().num_layers / 2, 1) - 1;  // after half of the blocks
  LetterLayer::Loss letters;
  const at::Tensor flow_loss = flow_matching_loss(ops, transformer_, flow, config_.flow.timesteps,
                                                  [&](int block, const Tensor& tokens) {
                                                    if (block == asked)
                                                      letters = letter_layer_.loss(tokens, flow.letters);
                                                  });
  const at::Tensor seen = at::stack({flow_loss.detach(), letters.mean, letters.accuracy}).to(at::kCPU);
  figures["flow_loss"] = seen[0].item<double>();
  figures["letter_loss"] = seen[1].item<double>();
  figures["letter_accuracy"] = seen[2].item<double>();
  return flow_loss + config_.transformer.letter_weight * letters.loss;
}

double TransformerObjective::validation_loss(const Ops& ops) {
  if (validation_ == nullptr) return std::nan("");
  const c10::NoGradGuard no_history;
  const Stage& stage = config_.stages.back();
  const int side = *std::ranges::max_element(stage.resolutions);
  const std::int64_t count = std::min(kValidationPictures, validation_->dataset().size());
  double sum = 0;
  for (std::int64_t sample = 0; sample < count; ++sample) {
    // One picture at every level of noise is one batch.
    FittedPicture picture = validation_->fitted(sample, side, side, false);
    validation_->encode({&picture, 1});
    const std::vector<float> mean(static_cast<std::size_t>(picture.moments->numel() / 2), 0.0f);
    const Tensor clean = draw_latents(validation_->vae(), *picture.moments, mean);
    std::vector<float> normal(mean.size());
    SampleRandom(config_.seed, 0, static_cast<std::uint32_t>(sample)).normal(normal);
    const std::vector<std::string> captions(kValidationSigmas.size(),
                                            validation_->dataset().caption(sample, 0));
    const PromptEmbedding prompt = validation_->embed(captions, validation_->sequence_length(stage));
    FlowBatch flow;
    flow.clean = stack(std::vector(captions.size(), clean));
    flow.noise = stack(std::vector(captions.size(), Tensor::from(clean.shape(), normal)));
    flow.sigmas.assign(kValidationSigmas.begin(), kValidationSigmas.end());
    flow.prompt_embedding = prompt.tokens;
    flow.pooled_projection = prompt.pooled;
    sum += flow_matching_loss(ops, transformer_, flow, {TimestepDensity::uniform}).item<double>();
  }
  return sum / static_cast<double>(count);
}

std::map<std::string, double> TransformerObjective::validation_figures(const Ops& ops) {
  return letter_validation_ ? letter_validation_->figures(ops, transformer_)
                            : std::map<std::string, double>();
}

std::vector<Image> TransformerObjective::samples(const Ops& ops, const Callbacks& callbacks) {
  const SampleConfig& wanted = config_.flow.samples;
  if (wanted.prompts.empty()) return {};
  const c10::NoGradGuard no_history;
  const VaeConfig& vae = pictures_.vae();
  const auto decoder_ops = make_native_ops(dtype_from_name(config_.dtype));
  VaeDecoder decoder(vae);
  const auto weights = files_.weights(Component::vae);
  Loader loader(*weights, *decoder_ops, Reuse::many);
  decoder.parameters(Parameters(loader).scope("decoder"));

  const GenerateOptions options = sample_options();
  const std::vector<float> sigmas =
      flow_sigmas(*options.num_inference_steps, scheduler_.shift, scheduler_.num_train_timesteps);
  const bool guided = guidance_enabled(*options.guidance_scale);
  std::vector<Image> images;
  for (std::size_t i = 0; i < wanted.prompts.size(); ++i) {
    std::vector<std::string> texts{wanted.prompts[i]};
    if (guided) texts.insert(texts.begin(), "");
    const PromptEmbedding prompt = pictures_.embed(texts, *options.max_sequence_length);
    const Shape shape{1, vae.latent_channels, *options.height / vae.scale(), *options.width / vae.scale()};
    DenoiseJob job;
    job.next_noise = noise_of_pictures(RandomSource::torch_cpu, DType::f32, std::vector{wanted.seed + i});
    job.latents = Tensor(shape, DType::f32);
    job.next_noise({job.latents.data<float>(), static_cast<std::size_t>(job.latents.numel())});
    job.sigmas = sigmas;
    job.sampler = sampler_from_name(*options.sampler);
    job.prompt = prompt;
    if (guided) {
      job.contexts = {{0, {}}, {1, {}}};
      job.guidance = std::make_shared<ClassifierFreeGuidance>(
          GuidanceSettings{*options.guidance_scale, *options.num_inference_steps});
    }
    const Tensor latents =
        denoise(ops, transformer_, std::move(job), StageProgress(callbacks, sd35::Stage::denoise));
    Picture picture =
        decode(*decoder_ops, vae, decoder, latents, {}, StageProgress(callbacks, sd35::Stage::decode));
    images.push_back({picture.width, picture.height, std::move(picture.rgb)});
  }
  return images;
}

void TransformerObjective::write(const std::filesystem::path& run,
                                 const std::map<std::string, Tensor>& weights) const {
  // The positional table belongs to the model, trained or not.
  std::map<std::string, Tensor> all = weights;
  std::erase_if(all, [](const auto& weight) { return weight.first.starts_with(LetterLayer::kName); });
  PositionTableFinder finder;
  Transformer(transformer_).parameters(Parameters(finder));
  all.emplace(finder.name, finder.table.to(DType::f32));
  write_weights(run / "model", Component::transformer, all);
  write_rest(run / "model", files_.location(), Component::transformer, transformer_json_);
}

}  // namespace sd35::train
