// The stages in order, each with its models: what one stage needs is dropped before the next begins, unless
// it is kept, so that the peak of memory is that of the largest stage.
#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <utility>

#include "api/translated.h"
#include "core/atomic_file.h"
#include "core/available_memory.h"
#include "core/buffer_pool.h"
#include "core/error.h"
#include "core/progress.h"
#include "core/tensor.h"
#include "core/threads.h"
#include "core/yielding.h"
#include "lora/merge.h"
#include "ops/decor/profile_ops.h"
#include "options/preset.h"
#include "pipeline/adapters.h"
#include "pipeline/memory_plan.h"
#include "pipeline/opened_model.h"
#include "pipeline/packed_transformer.h"
#include "pipeline/picture_inputs.h"
#include "pipeline/picture_run.h"
#include "pipeline/prompt_cache.h"
#include "pipeline/prompt_check.h"
#include "pipeline/recipe.h"
#include "pipeline/schedule.h"
#include "pipeline/validation.h"
#include "sampling/guidance.h"
#include "sampling/sigmas.h"
#include "sd35/sd35.h"
#include "text/prompt_encoder.h"

namespace sd35 {
namespace {

void check_finite(const Tensor& values, const char* what) {
  for (const float value : values.floats())
    if (!std::isfinite(value)) throw NumericError(std::string(what) + " holds NaN or infinity");
}

// The negative prompt first, where guidance is on.
std::vector<PromptTexts> prompts_of(const GenerateOptions& options) {
  std::vector<PromptTexts> prompts;
  if (guidance_enabled(options.guidance_scale.value()))
    prompts.push_back({options.negative_prompt, options.negative_prompt_2.value_or(options.negative_prompt),
                       options.negative_prompt_3.value_or(options.negative_prompt)});
  prompts.push_back(
      {options.prompt, options.prompt_2.value_or(options.prompt), options.prompt_3.value_or(options.prompt)});
  return prompts;
}

}  // namespace

class Pipeline::Impl {
 public:
  explicit Impl(std::shared_ptr<const OpenedModel> model) : model_(std::move(model)) {}

  GenerateOptions completed(const GenerateOptions& asked) const {
    const Components& c = model_->components;
    check_input_options(asked);
    GenerateOptions options = with_model_defaults(with_size_of_inputs(with_preset(asked)), c.defaults,
                                                  c.transformer, c.vae, c.prompt_encoder.t5_max_length());
    check_options(options, c.transformer, c.vae);
    check_outpainted_size(options, c.vae.scale() * c.transformer.patch_size);
    if (encodes_pictures(options) && !c.has_encoder)
      throw ArgumentError(
          "the model's autoencoder is a decoder alone, and a picture that goes in needs an encoder too: "
          "name a --vae that has both",
          "vae");
    check_steps(options.num_inference_steps.value(), c.scheduler.num_train_timesteps);
    (void)schedule_of(options, c.scheduler);
    if (options.hires.scale > 1) (void)hires_schedule_of(options, c.scheduler);
    return options;
  }

  std::vector<Picture> generate(const GenerateOptions& asked, const Callbacks& callbacks) const {
    const GenerateOptions options = completed(asked);
    const Components& components = model_->components;
    warn_of_options(options, components.sides, callbacks);
    suggest_preset(with_names({model_->name, model_->load, options}), callbacks);
    if (options.loras.empty())
      warn_of_prompts(options, components.vocabulary, callbacks);  // they may contain more
    warn_of_machine(callbacks);
    PictureInputs inputs =
        read_inputs(options, [&](const std::string& warning) { warn(callbacks, warning); });
    for (const std::string& warning : components.warnings) warn(callbacks, warning);
    const ThreadCount threads(model_->load.threads);
    const OpenMpThreads of_torch;
    const YieldWhenBusy yielding;
    // Keeps what a stage freed, its weights included, until told otherwise.
    const PoolScope memory;
    TransformerWeights weights(components, model_->load, ops(), callbacks);
    try {
      weights.check_writable();
    } catch (const FileError& error) {
      warn(callbacks, "the packed weights are not kept: " + std::string(error.what()));
      weights.pack_nothing();
    }
    LoraUpdates adapters =
        model_->residents.loras.read(options.loras, components.lora_targets,
                                     [&](const std::string& warning) { warn(callbacks, warning); });
    weights.adapt(adapters[Component::transformer]);
    const MemoryPlan plan = plan_of(weights, options, adapters, callbacks);
    drop_what_does_not_stay(plan, options.loras);
    const PromptEmbedding prompt = encode_prompts(plan, options, adapters, callbacks);
    ops().trim();
    return PictureRun(*model_, ops(), plan, weights, options, std::move(inputs), callbacks).draw(prompt);
  }

  std::int64_t t5_tokens(const std::string& text) const {
    return model_->components.prompt_encoder.t5_tokens(text);
  }

  void start_profile(const std::filesystem::path& trace) {
    trace_.open(trace);
    profile_ = Profile();
    timed_ops_ = std::make_unique<ProfileOps>(*model_->ops, profile_);
  }

  std::string finish_profile() {
    if (!timed_ops_) throw ArgumentError("no profile was started");
    timed_ops_.reset();
    const std::string json = profile_.trace();
    trace_.write(std::as_bytes(std::span(json)));
    trace_.commit();
    const ThreadCount threads(model_->load.threads);
    return profile_.table(model_->ops->ceiling_gflops());
  }

 private:
  // Where neither side is given.
  GenerateOptions with_size_of_inputs(GenerateOptions options) const {
    if (options.width || options.height) return options;
    const Components& c = model_->components;
    const auto size = size_from_inputs(options, c.vae.scale() * c.transformer.patch_size, c.sides.largest);
    if (size) std::tie(options.width, options.height) = std::pair(size->width, size->height);
    return options;
  }

  void warn_of_machine(const Callbacks& callbacks) const {
    if (model_->widens())
      warn(callbacks,
           "this CPU has no bf16 instructions: weights of type bf16 are widened and multiplied in f32");
  }

  MemoryPlan plan_of(const TransformerWeights& weights, const GenerateOptions& options,
                     const LoraUpdates& adapters, const Callbacks& callbacks) const {
    const Components& components = model_->components;
    const LoadOptions& load = model_->load;
    MemoryFacts facts;
    facts.prompt_encoder = &components.prompt_encoder;
    facts.transformer_weights = components.transformer_weights.get();
    facts.quantization = weights.quantization();
    facts.transformer = &components.transformer;
    facts.vae = &components.vae;
    facts.compute_type = model_->ops->compute_type();
    facts.widened = model_->widens();
    facts.keep = model_->keep;
    facts.kept = model_->residents.kept();
    for (const auto& [component, updates] : adapters)
      for (const LoraUpdate& update : updates) {
        const std::int64_t values = update.down.numel() + update.up.numel();
        facts.adapters +=
            static_cast<double>(values) * (4 + static_cast<double>(size_of(facts.compute_type)));
        const auto weight = static_cast<double>(update.up.dim(0) * update.down.dim(1));
        if (component != Component::transformer)
          facts.updated_encoder_weight = std::max(facts.updated_encoder_weight, 4 * weight);
      }
    if (callbacks.on_preview && components.preview_autoencoder)
      facts.preview = &components.preview_autoencoder->config;
    facts.rows_are_independent = model_->ops->rows_are_independent();
    facts.decodes_in_bands = model_->ops->banded() != nullptr;
    const WeightFormat format = facts.quantization.format;
    if (model_->ops->device().host) facts.available = available_memory();
    facts.streamable =
        weights.packed() != nullptr || format == WeightFormat::as_stored || format == WeightFormat::dense;
    MemoryPlan plan = plan_memory(facts, options, load.max_memory);
    if (load.max_memory > 0 && callbacks.on_memory_plan) callbacks.on_memory_plan(plan.stages);
    if (plan.keep < facts.keep)
      warn(callbacks, plan.keep == Residency::nothing
                          ? "max_memory leaves no room to keep anything between pictures"
                          : "max_memory leaves room to keep the transformer between pictures, but no more");
    return plan;
  }

  void drop_what_does_not_stay(const MemoryPlan& plan, std::span<const LoraOptions> loras) const {
    if (plan.keep < Residency::transformer) {
      model_->residents.transformer.drop();
      model_->residents.loras.forget_all();
      model_->residents.prompts.forget_all();
    } else {
      model_->residents.loras.forget_others(loras, room_for_other_loras(plan));
    }
    if (plan.keep == Residency::all) return;
    model_->residents.encoders.drop();
    model_->residents.decoder.drop();
  }

  // Bytes of `most` that max_memory leaves beside the stages.
  std::uint64_t room(const MemoryPlan& plan, std::uint64_t most) const {
    const std::uint64_t limit = model_->load.max_memory,
                        peak = std::ranges::max(plan.stages, {}, &MemoryStage::bytes).bytes;
    return limit == 0 ? most : std::min(most, limit - std::min(limit, peak));
  }
  // Of what is kept for later requests: prompts, and LoRAs besides this one's.
  std::uint64_t room_for_prompts(const MemoryPlan& plan) const { return room(plan, 64'000'000); }
  std::uint64_t room_for_other_loras(const MemoryPlan& plan) const {
    const std::uint64_t most = room(plan, 1'064'000'000);
    return most - std::min(most, room_for_prompts(plan));
  }

  // Opened where prompts are kept.
  std::optional<PromptCache> prompt_cache(const Callbacks& callbacks) const {
    const Components& components = model_->components;
    if (model_->load.prompt_cache.empty()) return std::nullopt;
    return std::make_optional<PromptCache>(
        model_->load.prompt_cache, components.encoders + " " + model_->ops->identity(),
        components.prompt_encoder.layout(), components.transformer.joint_attention_dim,
        [&](const std::string& message) { warn(callbacks, message); });
  }

  // `adapters`: of the text encoders.
  PromptEmbedding encode_prompts(const MemoryPlan& plan, const GenerateOptions& options,
                                 const LoraUpdates& adapters, const Callbacks& callbacks) const {
    const std::vector<PromptTexts> prompts = prompts_of(options);
    const int length = options.max_sequence_length.value();
    const bool adapted = std::ranges::any_of(
        adapters, [](const auto& of) { return of.first != Component::transformer && !of.second.empty(); });
    std::optional<PromptCache> cache = adapted ? std::nullopt : prompt_cache(callbacks);
    const PartOfWork part(ops(), "encode prompt");
    const StageProgress progress(callbacks, Stage::encode_prompt);
    PromptMemory& memory = model_->residents.prompts;
    const std::optional<EncodedPrompts> remembered = adapted ? std::nullopt : memory.find(prompts, length);
    const std::optional<EncodedPrompts> found =
        remembered || !cache ? remembered : cache->find(prompts, length);
    const EncodedPrompts encoded =
        found ? *found
              : encode(encoder_weights(plan, adapted ? &adapters : nullptr, progress), prompts, length,
                       progress);
    for (const std::string& warning : encoded.warnings) warn(callbacks, warning);
    check_finite(encoded.embedding.tokens, "encode prompt: the prompt embedding");
    check_finite(encoded.embedding.pooled, "encode prompt: the pooled prompt embedding");
    if (cache && !found) cache->put(prompts, length, encoded);
    if (!adapted && !remembered && plan.keep >= Residency::transformer)
      memory.put(prompts, length, encoded, room_for_prompts(plan));
    if (found) progress.report(1);
    return encoded.embedding;
  }

  EncoderWeights encoder_weights(const MemoryPlan& plan, const LoraUpdates* adapters,
                                 const StageProgress& progress) const {
    EncoderWeights weights;
    if (adapters != nullptr) {
      weights.change = [adapters](Component encoder, std::shared_ptr<const WeightSource> source) {
        const auto found = adapters->find(encoder);
        return found == adapters->end() ? source : with_updates(std::move(source), found->second);
      };
    } else if (plan.keep == Residency::all) {
      Resident<LoadedEncoders>& resident = model_->residents.encoders;
      const auto waiting = [&] { progress.report(0); };
      weights.loaded =
          resident.get([&] { return model_->components.prompt_encoder.load(ops(), waiting); }, waiting);
      resident.keep(weights.loaded);
    }
    return weights;
  }

  EncodedPrompts encode(const EncoderWeights& weights, const std::vector<PromptTexts>& prompts,
                        int max_sequence_length, const StageProgress& progress) const {
    EncodedPrompts encoded;
    EncodingCallbacks callbacks;
    callbacks.on_progress = [&](double fraction) { progress.report(fraction); };
    callbacks.on_warning = [&](const std::string& message) { encoded.warnings.push_back(message); };
    encoded.embedding = model_->components.prompt_encoder.encode(
        ops(), prompts, model_->components.transformer.joint_attention_dim, max_sequence_length, callbacks,
        weights);
    return encoded;
  }

  // The engine, or what times it.
  const Ops& ops() const { return timed_ops_ ? *timed_ops_ : *model_->ops; }

  std::shared_ptr<const OpenedModel> model_;
  Profile profile_;
  AtomicFile trace_;  // open while operations are timed
  std::unique_ptr<ProfileOps> timed_ops_;
};

Pipeline Pipeline::from_pretrained(const std::string& model, const LoadOptions& options) {
  return Pipeline(Model::open(model, options));
}

Pipeline::Pipeline(const Model& model) : impl_(std::make_unique<Impl>(model.opened_)) {}
Pipeline::~Pipeline() = default;
Pipeline::Pipeline(Pipeline&&) noexcept = default;
Pipeline& Pipeline::operator=(Pipeline&&) noexcept = default;

GenerateOptions Pipeline::completed(const GenerateOptions& options) const {
  return translated([&] { return impl_->completed(options); });
}

std::int64_t Pipeline::t5_tokens(const std::string& text) const {
  return translated([&] { return impl_->t5_tokens(text); });
}

std::vector<Picture> Pipeline::generate(const GenerateOptions& options, const Callbacks& callbacks) const {
  return translated(callbacks, [&](const Callbacks& watched) { return impl_->generate(options, watched); });
}

void Pipeline::start_profile(const std::filesystem::path& trace) {
  translated([&] { impl_->start_profile(trace); });
}

std::string Pipeline::finish_profile() {
  return translated([&] { return impl_->finish_profile(); });
}

}  // namespace sd35
