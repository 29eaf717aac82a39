#include "pipeline/memory_plan.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <functional>
#include <map>
#include <utility>

#include "core/error.h"
#include "mmdit/transformer.h"
#include "pipeline/autoencode.h"
#include "pipeline/picture_inputs.h"
#include "pipeline/schedule.h"
#include "sampling/guidance.h"
#include "vae/encoder_decoder.h"

namespace sd35 {
namespace {

// The program, its libraries, the code that oneDNN makes and the tokenizers; 50 MB of it if LibTorch is built
// in.
constexpr double kProgram = 175e6;
// What the estimates below leave out.
constexpr double kMargin = 1.05;
// The fraction of the available memory left for whatever else the machine does meanwhile.
constexpr double kShareOfAvailable = 0.8;
// Streamed: the block in use, the pages of the one before it, and the pool's buffers of blocks of another
// size: what was measured (docs/performance.md) stays below.
constexpr double kBlocksAtOnce = 2.2;
// The most image tokens, for one prompt, that the pictures in one forward may have together.
constexpr double kTokensAtOnce = 1024;
constexpr int kPicturesAtOnce = 8;

double bytes_of(DType dtype) { return static_cast<double>(size_of(dtype)); }

// What every stage takes in addition to its own needs.
std::uint64_t whole_stage(const MemoryFacts& facts, double own) {
  return static_cast<std::uint64_t>(kProgram + facts.adapters + kMargin * own);
}

// Sums the weights a model describes, as they will lie in memory.
class WeightSizes : public ParameterVisitor {
 public:
  explicit WeightSizes(const MemoryFacts& facts) : facts_(facts) {}

  void parameter(const ParameterSpec& spec, Tensor& /*tensor*/) override {
    if (spec.kind == ParameterKind::embedding || spec.kind == ParameterKind::position_table) return;
    const double count = static_cast<double>(spec.shape.numel());
    const double bytes = count * (spec.shape.rank() < 2 ? 4 : element_bytes(spec));
    total += bytes;
    // While it is loaded, a weight that is not used as it is stored is also in memory as stored and, if it is
    // quantized, unpacked or updated, in f32; buffers of each size are kept for the next weight of that size.
    double& kept = scratch_of_size_[count];
    const double needed = spec.shape.rank() < 2 ? 0 : 4 * count * f32_copies(spec);
    scratch += std::max(needed - kept, 0.0);
    kept = std::max(needed, kept);
  }

  double total = 0;
  double scratch = 0;

 private:
  const StoredTensor* stored(const ParameterSpec& spec) const {
    return facts_.transformer_weights->find(spec.names.front());
  }

  WeightFormat format(const ParameterSpec& spec) const {
    const bool quantized =
        facts_.quantization.applies == nullptr ||
        facts_.quantization.applies(spec.names.front(), spec.kind, facts_.quantization.format);
    return quantized || facts_.quantization.format == WeightFormat::as_stored ? facts_.quantization.format
                                                                              : WeightFormat::dense;
  }

  double element_bytes(const ParameterSpec& spec) const {
    constexpr double kFourBits = 0.5 + 4.0 / 64, kNestedFourBits = 0.5 + 1.0 / 64 + 4.0 / (64 * 256);
    switch (format(spec)) {
      case WeightFormat::int8:
        return 1;
      case WeightFormat::nf4:
        return kFourBits;
      case WeightFormat::nf4_double:
        return kNestedFourBits;
      case WeightFormat::as_stored: {
        const StoredTensor* tensor = stored(spec);
        const std::string type = tensor == nullptr || updated(spec) ? "" : tensor->type_name();
        if (type == "nf4" || type == "fp4") return kFourBits;
        if (type.starts_with("f8")) return 1;
        break;
      }
      case WeightFormat::dense:
        break;
    }
    return bytes_of(facts_.compute_type);
  }

  // Whether a LoRA is added to it.
  bool updated(const ParameterSpec& spec) const { return facts_.transformer_weights->adjusts(spec.names); }

  // In addition to what is kept: what it is converted from, and the sum with its updates.
  int f32_copies(const ParameterSpec& spec) const {
    const StoredTensor* tensor = stored(spec);
    const bool encoded = tensor != nullptr && tensor->encoded();
    if (updated(spec)) return encoded ? 2 : 1;
    if (format(spec) == WeightFormat::as_stored || format(spec) == WeightFormat::dense)
      return encoded || (tensor != nullptr && tensor->dtype != facts_.compute_type) ? 1 : 0;
    return 1;
  }

  const MemoryFacts& facts_;
  std::map<double, double> scratch_of_size_;
};

struct TransformerSizes {
  double outer = 0, blocks = 0, largest_block = 0, scratch = 0;

  double weights(bool streamed) const { return outer + (streamed ? kBlocksAtOnce * largest_block : blocks); }
};

TransformerSizes transformer_sizes(const MemoryFacts& facts) {
  TransformerSizes sizes;
  Transformer transformer(*facts.transformer);
  WeightSizes all(facts);
  transformer.parameters(Parameters(all));
  const int layers = facts.transformer->num_layers;
  for (int i = 0; i < layers; ++i) {
    WeightSizes block(facts);
    JointBlock(*facts.transformer, i).parameters(Transformer::block_scope(Parameters(block), i));
    sizes.blocks += block.total;
    sizes.largest_block = std::max(sizes.largest_block, block.total);
  }
  sizes.outer = all.total - sizes.blocks;
  sizes.scratch = all.scratch;
  return sizes;
}

ImageSize largest_size(const MemoryFacts& facts, const GenerateOptions& options) {
  return hires_size(options, facts.vae->scale() * facts.transformer->patch_size);
}

// What flows through a block, in bytes per token and element of the width: two residual streams in f32; the
// norm, q, k, v, the result of attention (twice with a second attention), the hidden layer of the
// feed-forward and its result in the compute type; if that is widened, also the input of the largest product
// in f32.
double activation_bytes(const MemoryFacts& facts, const GenerateOptions& options, int batch) {
  const MmditConfig& config = *facts.transformer;
  const double e = bytes_of(facts.compute_type), patch = config.patch_size * facts.vae->scale();
  const ImageSize size = largest_size(facts, options);
  const double grids = options.edit.given() ? 2 : 1;  // the picture's tokens, beside those of the drawing
  const double image = grids * (size.width / patch) * (size.height / patch);
  const double text =
      static_cast<double>(facts.prompt_encoder->layout().clip_tokens) + *options.max_sequence_length;
  const double an_element = 3 * 4 + 14 * e + (facts.widened ? 4 * 4 : 0);
  const double prompt = 2.0 * 4 * text * static_cast<double>(config.joint_attention_dim);
  return batch * ((image + text) * static_cast<double>(config.width()) * an_element + prompt);
}

// `half`: of the autoencoder.
template <class Half>
double weight_bytes_of(const MemoryFacts& facts, Half& half) {
  class : public ParameterVisitor {
   public:
    void parameter(const ParameterSpec& spec, Tensor& /*tensor*/) override {
      count += static_cast<double>(spec.shape.numel());
    }
    double count = 0;
  } weights;
  half.parameters(Parameters(weights));
  return weights.count * (facts.widened ? 4 : bytes_of(facts.compute_type));
}

// Of what shows the work in progress.
double preview_bytes(const MemoryFacts& facts, const GenerateOptions& options) {
  if (facts.preview == nullptr) return 0;
  const ImageSize size = largest_size(facts, options);
  const double pixels = static_cast<double>(size.width) * size.height;
  return weight_bytes_of(facts, *make_decoder(*facts.preview)) +
         decoder_map_bytes(*facts.preview, facts.compute_type, facts.widened, pixels, KeptMaps::all);
}

MemoryStage denoise_stage(const MemoryFacts& facts, const GenerateOptions& options,
                          const TransformerSizes& sizes, bool streamed, bool one_prompt_a_pass,
                          int pictures = 1) {
  const bool guided = guidance_enabled(options.guidance_scale.value());
  const int prompts = guided && !one_prompt_a_pass ? 2 : 1;
  const double activations = activation_bytes(facts, options, prompts * pictures);
  const double weights = sizes.weights(streamed);
  const double scratch = preview_bytes(facts, options) +
                         (streamed ? sizes.scratch + activations : std::max(sizes.scratch, activations));
  std::string mode = streamed ? "streamed" : "resident";
  if (guided) mode += one_prompt_a_pass ? ", one prompt after the other" : ", both prompts at once";
  if (pictures > 1) mode += ", " + std::to_string(pictures) + " pictures at once";
  return {"denoise", mode, whole_stage(facts, weights + scratch)};
}

// T5 streams layer by layer; CLIP is smaller than one of its layers.
MemoryStage text_stage(const MemoryFacts& facts, const GenerateOptions& options) {
  const double prompts = guidance_enabled(options.guidance_scale.value()) ? 2 : 1;
  const double layer = facts.prompt_encoder->largest_layer(facts.compute_type) +
                       std::max(facts.prompt_encoder->largest_updated_weight(), facts.updated_encoder_weight);
  const double width = static_cast<double>(facts.prompt_encoder->largest_width());
  const double tokens = std::max<double>(*options.max_sequence_length,
                                         static_cast<double>(facts.prompt_encoder->layout().clip_tokens));
  const double activations = prompts * tokens * width * (6 * 4 + 10 * bytes_of(facts.compute_type));
  return {"encode prompt", "streamed", whole_stage(facts, layer + activations)};
}

double decoder_weight_bytes(const MemoryFacts& facts) {
  return weight_bytes_of(facts, *make_decoder(*facts.vae));
}
double encoder_weight_bytes(const MemoryFacts& facts) {
  return weight_bytes_of(facts, *make_encoder(*facts.vae));
}

// A way through the autoencoder: in tiles of so many pixels per side (0: in one piece), or with fewer maps.
struct AutoencoderWay {
  int tile = 0;
  KeptMaps kept = KeptMaps::all;
};

std::string mode_of(AutoencoderWay way, bool tiled) {
  if (tiled) return "tiles of " + std::to_string(way.tile);
  switch (way.kept) {
    case KeptMaps::all:
      return "whole";
    case KeptMaps::two:
      return "in bands, keeping two maps";
    case KeptMaps::one:
      return "in bands, keeping one map";
    case KeptMaps::none:
      break;
  }
  return "in bands, keeping no map";
}

// One pass of the encoder or the decoder over a picture: its maps are largest at the picture's full size;
// tiles take as much as pictures of their size, and the whole picture is there in f32. `map_bytes`: what the
// maps of so many pixels take.
MemoryStage autoencoder_stage(const std::string& stage, const MemoryFacts& facts, ImageSize size,
                              AutoencoderWay way, double weights,
                              const std::function<double(double pixels)>& map_bytes) {
  const int side = way.tile > 0 ? way.tile : std::max(size.width, size.height);
  const double all = static_cast<double>(size.width) * size.height,
               pixels = static_cast<double>(std::min(side, size.width)) * std::min(side, size.height);
  const double picture = 3.0 * 4 * 4 * all;
  return {stage, mode_of(way, pixels < all), whole_stage(facts, weights + map_bytes(pixels) + picture)};
}

// The first of `candidates` below the limit; the last if none is or there is no limit.
std::size_t first_fitting(const std::vector<MemoryStage>& candidates, std::uint64_t limit) {
  if (limit == 0) return 0;
  for (std::size_t i = 0; i < candidates.size(); ++i)
    if (candidates[i].bytes <= limit) return i;
  std::size_t least = 0;
  for (std::size_t i = 0; i < candidates.size(); ++i)
    if (candidates[i].bytes < candidates[least].bytes) least = i;
  return least;
}

// The ways through the autoencoder, fastest first, but for tiles: they change the picture, so they come last,
// unless `options` ask for them.
std::vector<AutoencoderWay> autoencoder_ways(const MemoryFacts& facts, const GenerateOptions& options,
                                             bool in_bands) {
  const ImageSize size = largest_size(facts, options);
  const int side = std::max(size.width, size.height), whole_tile = facts.vae->sample_size;
  const bool can_be_tiled = in_tiles(*facts.vae, true);
  const bool tiled = can_be_tiled && options.vae_tiling && side > whole_tile;
  std::vector<AutoencoderWay> ways{{tiled ? whole_tile : 0}};
  if (in_bands && can_be_tiled && !tiled)
    for (const KeptMaps kept : {KeptMaps::two, KeptMaps::one, KeptMaps::none}) ways.push_back({0, kept});
  for (const int tile : {whole_tile / 2, whole_tile / 4})
    if (can_be_tiled && tile < side) ways.push_back({tile});
  return ways;
}

// Adds the first way of a stage that fits.
AutoencoderWay plan_autoencoder(const std::vector<AutoencoderWay>& ways, std::uint64_t limit,
                                MemoryPlan& plan,
                                const std::function<MemoryStage(AutoencoderWay way)>& stage_of) {
  std::vector<MemoryStage> candidates;
  for (const AutoencoderWay& way : ways) candidates.push_back(stage_of(way));
  const std::size_t chosen = first_fitting(candidates, limit);
  plan.stages.push_back(candidates[chosen]);
  return chosen == 0 ? AutoencoderWay{} : ways[chosen];  // the first is as `options` have it
}

// Of the decoder and, if a picture goes in, of the encoder.
void plan_autoencoders(const MemoryFacts& facts, const GenerateOptions& options, std::uint64_t limit,
                       MemoryPlan& plan) {
  const ImageSize size = largest_size(facts, options);
  const double decoder = decoder_weight_bytes(facts);
  const AutoencoderWay decoding = plan_autoencoder(
      autoencoder_ways(facts, options, facts.decodes_in_bands), limit, plan, [&](AutoencoderWay way) {
        return autoencoder_stage("decode", facts, size, way, decoder, [&](double pixels) {
          return decoder_map_bytes(*facts.vae, facts.compute_type, facts.widened, pixels, way.kept);
        });
      });
  plan.kept = decoding.kept;
  plan.tile = decoding.tile;
  if (!encodes_pictures(options)) return;
  const double encoder = encoder_weight_bytes(facts);
  plan.encode_tile =
      plan_autoencoder(autoencoder_ways(facts, options, false), limit, plan, [&](AutoencoderWay way) {
        return autoencoder_stage("encode picture", facts, size, way, encoder, [&](double pixels) {
          return encoder_map_bytes(*facts.vae, facts.compute_type, facts.widened, pixels);
        });
      }).tile;
}

// Small pictures go through the transformer together: the more tokens each has, the less is gained.
void plan_batch(const MemoryFacts& facts, const GenerateOptions& options, const TransformerSizes& sizes,
                std::uint64_t limit, MemoryPlan& plan) {
  if (plan.streamed || plan.one_prompt_a_pass || !facts.rows_are_independent) return;
  const double patch = facts.transformer->patch_size * facts.vae->scale();
  const ImageSize size = largest_size(facts, options);
  const double tokens = (options.edit.given() ? 2 : 1) * (size.width / patch) * (size.height / patch);
  for (int batch = std::min({options.count, kPicturesAtOnce, static_cast<int>(kTokensAtOnce / tokens)});
       batch > 1; --batch) {
    const MemoryStage stage = denoise_stage(facts, options, sizes, false, false, batch);
    if (stage.bytes > limit) continue;
    plan.batch = batch;
    plan.stages[1] = stage;
    return;
  }
}

// What changes because there are several pictures, once it is decided how each is made.
void plan_for_several(const MemoryFacts& facts, const GenerateOptions& options, const TransformerSizes& sizes,
                      std::uint64_t limit, MemoryPlan& plan) {
  if (limit == 0) {
    const double kept = (facts.kept >= Residency::transformer ? sizes.weights(false) : 0) +
                        (facts.kept == Residency::all ? decoder_weight_bytes(facts) : 0);
    limit = static_cast<std::uint64_t>(kShareOfAvailable * static_cast<double>(facts.available) + kept);
  }
  plan_batch(facts, options, sizes, limit, plan);
  MemoryStage denoise = plan.stages[1], decode = plan.stages[2];
  denoise.mode += ", beside the decoder";
  denoise.bytes += static_cast<std::uint64_t>(kMargin * decoder_weight_bytes(facts));
  decode.mode += ", beside the transformer";
  decode.bytes += static_cast<std::uint64_t>(kMargin * sizes.weights(plan.streamed));
  plan.together = facts.available > 0 && std::max(denoise.bytes, decode.bytes) <= limit;
  if (plan.together) {
    plan.stages[1] = denoise;
    plan.stages[2] = decode;
  } else {
    plan.stages[2].mode += ", " + std::to_string(kPicturesAtATime) + " pictures at a time";
  }
}

// What stays in memory adds to the stages that do not use it.
void plan_to_keep(const MemoryFacts& facts, const TransformerSizes& sizes, std::uint64_t limit,
                  MemoryPlan& plan) {
  if (plan.streamed) return;
  const double transformer = sizes.weights(false), decoder = decoder_weight_bytes(facts),
               encoders = facts.prompt_encoder->all_layers(facts.compute_type);
  for (const Residency keep : {Residency::all, Residency::transformer}) {
    if (keep > facts.keep) continue;
    const bool all = keep == Residency::all;
    std::vector<MemoryStage> stages = plan.stages;
    const auto add = [&](std::size_t stage, double bytes) {
      stages[stage].bytes += static_cast<std::uint64_t>(kMargin * bytes);
      stages[stage].mode += all ? ", all stays" : ", the transformer stays";
    };
    add(0, transformer + (all ? decoder + encoders : 0));
    add(1, all ? encoders + (plan.together ? 0 : decoder) : 0);
    add(2, (plan.together ? 0 : transformer) + (all ? encoders : 0));
    if (stages.size() > 3) add(3, transformer + (all ? decoder + encoders : 0));
    if (limit > 0 && std::ranges::max(stages, {}, &MemoryStage::bytes).bytes > limit) continue;
    plan.keep = keep;
    plan.stages = std::move(stages);
    return;
  }
}

// "3.20 GB", of less than a hundredth "4 bytes": who calls the library may have meant another unit.
std::string shown(std::uint64_t bytes) {
  if (bytes < 10'000'000) return std::to_string(bytes) + " bytes";
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.2f GB", static_cast<double>(bytes) / 1e9);
  return text.data();
}

// In the form that --max-memory takes, rounded up.
std::string as_limit(std::uint64_t bytes) {
  constexpr std::uint64_t kHundredth = 10'000'000;
  const std::uint64_t hundredths = (bytes + kHundredth - 1) / kHundredth;
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "--max-memory %llu.%02lluGB",
                static_cast<unsigned long long>(hundredths / 100),
                static_cast<unsigned long long>(hundredths % 100));
  return text.data();
}

// If no plan fits, every stage has been given the mode that needs the least.
void check(const std::vector<MemoryStage>& stages, std::uint64_t limit, bool streamable) {
  const auto largest = std::ranges::max_element(stages, {}, &MemoryStage::bytes);
  if (limit == 0 || largest->bytes <= limit) return;
  const std::string advice = largest == stages.begin() ? "running without T5 (--no-t5)"
                             : streamable || largest->stage == "decode" || largest->stage == "encode picture"
                                 ? "a smaller picture"
                                 : "a smaller picture, --quantize nf4-dq or --packed weights to stream";
  throw ArgumentError("this does not fit in " + shown(limit) + ": " + largest->stage + " (" + largest->mode +
                          ") takes " + shown(largest->bytes) + " at least; " + as_limit(largest->bytes) +
                          " would do, and " + advice + " needs less",
                      "max_memory");
}

}  // namespace

MemoryPlan plan_memory(const MemoryFacts& facts, const GenerateOptions& options, std::uint64_t limit) {
  MemoryPlan plan;
  plan.stages.push_back(text_stage(facts, options));

  struct Choice {
    bool streamed, one_prompt_a_pass;
  };
  std::vector<Choice> choices{{false, false}, {false, true}, {true, false}, {true, true}};
  if (!guidance_enabled(options.guidance_scale.value())) choices = {{false, false}, {true, false}};
  if (!facts.streamable) std::erase_if(choices, [](const Choice& choice) { return choice.streamed; });
  const TransformerSizes sizes = transformer_sizes(facts);
  std::vector<MemoryStage> candidates;
  for (const Choice& choice : choices)
    candidates.push_back(denoise_stage(facts, options, sizes, choice.streamed, choice.one_prompt_a_pass));
  const std::size_t denoise = first_fitting(candidates, limit);
  plan.streamed = choices[denoise].streamed;
  plan.one_prompt_a_pass = choices[denoise].one_prompt_a_pass;
  plan.stages.push_back(candidates[denoise]);

  plan_autoencoders(facts, options, limit, plan);
  check(plan.stages, limit, facts.streamable);
  if (options.count > 1) plan_for_several(facts, options, sizes, limit, plan);
  plan_to_keep(facts, sizes, limit, plan);
  return plan;
}

}  // namespace sd35
