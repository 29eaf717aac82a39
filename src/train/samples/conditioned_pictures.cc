#include "train/samples/conditioned_pictures.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/hash128.h"
#include "core/threads.h"
#include "data/fit.h"
#include "mmdit/config.h"
#include "ops/torch/side_stream.h"
#include "ops/torch/torch_ops.h"
#include "train/process_group.h"

namespace sd35::train {
namespace {

// How many are encoded at once on another device; bounds the memory that takes.
constexpr std::int64_t kPixelsAtOnce = 1 << 20;

// The identity of the weights, by their names and bytes, and of the type that values are kept in.
std::string identity_of(const ModelFiles& files, std::initializer_list<Component> components, DType kept) {
  Hasher128 hasher;
  for (const Component component : components) {
    if (!files.has(component)) continue;
    const auto weights = files.weights(component);
    for (const std::string& name : weights->names()) {
      hasher.add(name);
      for (const std::span<const std::byte> segment : weights->find(name)->segments) hasher.add(segment);
    }
  }
  return hasher.digest().hex() + " " + std::string(name_of(kept));
}

Image mirrored(Image image) {
  const auto width = static_cast<std::size_t>(image.width);
  for (std::size_t row = 0; row < image.rgb.size(); row += 3 * width)
    for (std::size_t x = 0; x < width / 2; ++x)
      std::swap_ranges(image.rgb.begin() + static_cast<std::ptrdiff_t>(row + 3 * x),
                       image.rgb.begin() + static_cast<std::ptrdiff_t>(row + 3 * x + 3),
                       image.rgb.begin() + static_cast<std::ptrdiff_t>(row + 3 * (width - 1 - x)));
  return image;
}

// On the host the native engine, which is faster without gradients.
std::unique_ptr<Ops> frozen_ops(const TrainConfig& config) {
  const DType dtype = dtype_from_name(config.dtype);
  auto ops = make_torch_ops(dtype, local_device(config.device));
  return ops->device().host ? make_native_ops(dtype) : std::move(ops);
}

// Of so many values.
std::int64_t rows_of(std::int64_t values, std::int64_t width) { return (values + width - 1) / width; }

// One record for both tensors of an embedding: the tokens, then the pooled vector in rows of the same width.
Tensor joined(const Tensor& tokens, const Tensor& pooled) {
  const std::int64_t D = tokens.dim(1);
  Tensor all = Tensor::zeros({tokens.dim(0) + rows_of(pooled.numel(), D), D});
  std::ranges::copy(tokens.floats(), all.data<float>());
  std::ranges::copy(pooled.floats(), all.data<float>() + tokens.numel());
  return all;
}

}  // namespace

ConditionedPictures::ConditionedPictures(const std::string& data, const ModelFiles& files,
                                         const std::filesystem::path& cache, const TrainConfig& config,
                                         const WarningFunction& warn)
    : dataset_(Dataset::open(data, warn)),
      location_(std::filesystem::weakly_canonical(data).string()),
      ops_(frozen_ops(config)),
      device_(local_device(config.device)),
      width_(MmditConfig::from_json(files.config(Component::transformer),
                                    files.config_location(Component::transformer))
                 .joint_attention_dim),
      prompt_encoder_(files, files.has(Component::text_encoder_3)),
      latent_encoder_(files, *ops_),
      cache_embeddings_(config.flow.cache_embeddings),
      // On a CPU one by one: then values do not depend on what else is encoded, and a resumed run is the
      // same.
      one_by_one_(ops_->device().host),
      kept_(ops_->compute_type()),
      latents_(cache / "latents", identity_of(files, {Component::vae}, kept_), warn),
      embeddings_(
          cache / "embeddings",
          identity_of(files, {Component::text_encoder, Component::text_encoder_2, Component::text_encoder_3},
                      kept_),
          warn),
      warn_(warn) {
  dataset_->check_captions(warn);
}

FittedPicture ConditionedPictures::fitted(std::int64_t sample, int width, int height, bool flip) {
  FittedPicture picture;
  // The location too, because samples of two data sets may have the same name, and the file's state, because
  // a picture may have been replaced.
  picture.key = location_ + " " + dataset_->key(sample) + " " + dataset_->version(sample) + " " +
                std::to_string(width) + "x" + std::to_string(height) + (flip ? " flipped" : "");
  const VaeConfig& vae = latent_encoder_.config();
  const Shape moments{2 * vae.latent_channels, height / vae.scale(), width / vae.scale()};
  if (const auto found = latents_.find(picture.key, moments, kept_)) {
    picture.moments = found->to(DType::f32);
  } else {
    picture.image = fit_to_bucket(dataset_->read_image(sample), {width, height}, {}, 0).image;
    if (flip) picture.image = mirrored(std::move(picture.image));
  }
  return picture;
}

Annotation ConditionedPictures::annotation(std::int64_t sample, int width, int height, bool flip) const {
  Annotation fitted =
      fit_to_bucket(read_annotation(*dataset_, sample), dataset_->image_size(sample), {width, height});
  return flip ? sd35::mirrored(std::move(fitted), width) : fitted;
}

int ConditionedPictures::sequence_length(const Stage& stage, std::span<const std::string> texts) const {
  constexpr std::int64_t multiple = 8;
  std::int64_t longest = 1;
  for (const std::string& text : texts) longest = std::max(longest, prompt_encoder_.t5_tokens(text));
  return static_cast<int>(
      std::min<std::int64_t>((longest + multiple - 1) / multiple * multiple, sequence_length(stage)));
}

void ConditionedPictures::encode(std::span<FittedPicture> pictures) {
  std::vector<FittedPicture*> missing;
  for (FittedPicture& picture : pictures)
    if (!picture.moments) missing.push_back(&picture);
  if (missing.empty()) return;
  const SideStream beside_training(device_);
  const std::int64_t pixels = std::int64_t{missing[0]->image.width} * missing[0]->image.height;
  const auto at_once =
      static_cast<std::size_t>(one_by_one_ ? 1 : std::max<std::int64_t>(1, kPixelsAtOnce / pixels));
  for (std::size_t first = 0; first < missing.size(); first += at_once) {
    const std::size_t count = std::min(at_once, missing.size() - first);
    std::vector<const Image*> images;
    for (std::size_t i = 0; i < count; ++i) images.push_back(&missing[first + i]->image);
    // What is kept is rounded, so what is used the first time must be too.
    const Tensor moments = latent_encoder_.moments(images).to(kept_);  // [count, 2 C, h, w]
    for (std::size_t i = 0; i < count; ++i) {
      const auto row = static_cast<std::int64_t>(i);
      const Tensor one = moments.rows(row, row + 1).reshape({moments.dim(1), moments.dim(2), moments.dim(3)});
      latents_.put(missing[first + i]->key, one);
      missing[first + i]->moments = one.to(DType::f32);
    }
  }
}

PromptEmbedding ConditionedPictures::embed(std::span<const std::string> texts, int max_sequence_length) {
  const auto B = static_cast<std::int64_t>(texts.size());
  const EmbeddingLayout layout = prompt_encoder_.layout();
  const std::int64_t M = layout.clip_tokens + max_sequence_length, P = layout.pooled_width();
  PromptEmbedding all{Tensor({B, M, width_}, DType::f32), Tensor({B, P}, DType::f32)};
  const auto place = [&](std::int64_t b, std::span<const float> tokens, std::span<const float> pooled) {
    std::ranges::copy(tokens, all.tokens.data<float>() + b * M * width_);
    std::ranges::copy(pooled, all.pooled.data<float>() + b * P);
  };
  const auto key = [&](const std::string& text) { return std::to_string(max_sequence_length) + " " + text; };

  const Shape joined_shape{M + rows_of(P, width_), width_};
  std::vector<char> found(texts.size());
  parallel_for(cache_embeddings_ ? B : 0, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t b = begin; b < end; ++b) {
      const auto record = embeddings_.find(key(texts[static_cast<std::size_t>(b)]), joined_shape, kept_);
      if (!record) continue;
      const Tensor values = record->to(DType::f32);
      place(b, values.floats().first(static_cast<std::size_t>(M * width_)),
            values.floats().subspan(static_cast<std::size_t>(M * width_), static_cast<std::size_t>(P)));
      found[static_cast<std::size_t>(b)] = true;
    }
  });
  std::vector<std::int64_t> missing;
  std::vector<PromptTexts> prompts;
  for (std::int64_t b = 0; b < B; ++b) {
    if (found[static_cast<std::size_t>(b)]) continue;
    const std::string& text = texts[static_cast<std::size_t>(b)];
    missing.push_back(b);
    prompts.push_back({text, text, text});
  }
  if (missing.empty()) return all;
  const SideStream beside_training(device_);
  EncodingCallbacks callbacks;
  callbacks.on_warning = [this](const std::string& what) {
    if (warn_ && !told_of_cut_.exchange(true)) warn_("a caption is too long, and others may be: " + what);
  };
  const PromptEmbedding encoded =
      prompt_encoder_.encode(*ops_, prompts, width_, max_sequence_length, callbacks);
  for (std::size_t i = 0; i < missing.size(); ++i) {
    const auto row = static_cast<std::int64_t>(i);
    const Tensor tokens = encoded.tokens.rows(row, row + 1).reshape({M, width_});
    // What is kept is rounded, so what is used the first time must be too.
    const Tensor record = joined(tokens, encoded.pooled.rows(row, row + 1)).to(kept_);
    if (cache_embeddings_) embeddings_.put(key(prompts[i].t5), record);
    const Tensor values = record.to(DType::f32);
    place(missing[i], values.floats().first(static_cast<std::size_t>(M * width_)),
          values.floats().subspan(static_cast<std::size_t>(M * width_), static_cast<std::size_t>(P)));
  }
  return all;
}

}  // namespace sd35::train
