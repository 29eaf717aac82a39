// The stages in order, each with its models: what one stage needs is dropped before the next begins, so that
// the peak of memory is that of the largest stage.
#include <cmath>
#include <optional>
#include <span>
#include <utility>

#include "core/atomic_file.h"
#include "core/available_memory.h"
#include "core/ceiling.h"
#include "core/cpu.h"
#include "core/error.h"
#include "core/tensor.h"
#include "core/threads.h"
#include "core/yielding.h"
#include "ops/decor/profile_ops.h"
#include "pipeline/components.h"
#include "pipeline/memory_plan.h"
#include "pipeline/packed_transformer.h"
#include "pipeline/picture_run.h"
#include "pipeline/progress.h"
#include "pipeline/prompt_cache.h"
#include "pipeline/prompt_check.h"
#include "pipeline/validation.h"
#include "sampling/guidance.h"
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

// Trims the pool of tensors on every way out.
class TrimmedPool {
 public:
  TrimmedPool() = default;
  ~TrimmedPool() { trim_pool(); }
  TrimmedPool(const TrimmedPool&) = delete;
  TrimmedPool& operator=(const TrimmedPool&) = delete;
};

}  // namespace

class Pipeline::Impl {
 public:
  Impl(std::string model, LoadOptions load)
      : model_(std::move(model)),
        load_(with_canonical_types(std::move(load))),
        ops_(make_ops(load_.engine, dtype_from_name(load_.dtype), load_.device)),
        components_(open_components(model_, load_)) {
    set_thread_count(load_.threads);
  }

  GenerateOptions completed(const GenerateOptions& asked) const {
    return with_model_defaults(asked, components_.defaults, components_.transformer, components_.vae,
                               components_.prompt_encoder.t5_max_length());
  }

  std::vector<Picture> generate(const GenerateOptions& asked, const Callbacks& callbacks) {
    const GenerateOptions options = completed(asked);
    check_options(options, components_.transformer, components_.vae);
    warn_of_options(options, components_.sides, callbacks);
    warn_of_prompts(options, components_.vocabulary, callbacks);
    warn_of_machine(callbacks);
    for (const std::string& warning : components_.warnings) warn(callbacks, warning);
    set_thread_count(load_.threads);
    const OpenMpThreads threads;  // LibTorch's loops too
    const YieldWhenBusy yielding;
    // The pool keeps what a stage freed, its weights included, until it is told otherwise.
    const TrimmedPool trimmed;
    if (options.block_cache > 0 && load_.device != "cpu")
      throw ArgumentError("block_cache works on the cpu only, not on '" + load_.device + "'", "block_cache");
    TransformerWeights weights(components_, load_, ops(), callbacks);
    try {
      weights.check_writable();
    } catch (const FileError& error) {
      warn(callbacks, "the packed weights are not kept: " + std::string(error.what()));
      weights.pack_nothing();
    }
    const MemoryPlan plan = plan_of(weights, options, callbacks);
    const PromptEmbedding prompt = encode_prompts(options, callbacks);
    trim_pool();
    return PictureRun(ops(), components_, plan, weights, {model_, load_, options}, callbacks).draw(prompt);
  }

  void start_profile(const std::filesystem::path& trace) {
    trace_.open(trace);
    profile_ = Profile();
    timed_ops_ = std::make_unique<ProfileOps>(*ops_, profile_);
  }

  std::string finish_profile() {
    if (!timed_ops_) throw ArgumentError("no profile was started");
    timed_ops_.reset();
    const std::string json = profile_.trace();
    trace_.write(std::as_bytes(std::span(json)));
    trace_.commit();
    set_thread_count(load_.threads);
    return profile_.table(ops_->compute_type() == DType::bf16 ? bf16_ceiling_gflops() : f32_ceiling_gflops());
  }

 private:
  // Whether bf16 is multiplied in f32.
  bool widens() const {
    return ops_->compute_type() == DType::bf16 && load_.engine == "native" && !has_bf16_instructions();
  }

  void warn_of_machine(const Callbacks& callbacks) const {
    if (widens())
      warn(callbacks,
           "this CPU has no bf16 instructions: weights of type bf16 are widened and multiplied in f32");
  }

  MemoryPlan plan_of(const TransformerWeights& weights, const GenerateOptions& options,
                     const Callbacks& callbacks) const {
    MemoryFacts facts;
    facts.prompt_encoder = &components_.prompt_encoder;
    facts.transformer_weights = components_.transformer_weights.get();
    facts.quantization = weights.quantization();
    facts.transformer = &components_.transformer;
    facts.vae = &components_.vae;
    facts.compute_type = ops_->compute_type();
    facts.widened = widens();
    const WeightFormat format = facts.quantization.format;
    if (load_.device == "cpu") facts.available = available_memory();
    facts.streamable =
        weights.packed() != nullptr || format == WeightFormat::as_stored || format == WeightFormat::dense;
    MemoryPlan plan = plan_memory(facts, options, load_.max_memory);
    if (load_.max_memory > 0 && callbacks.on_memory_plan) callbacks.on_memory_plan(plan.stages);
    return plan;
  }

  // Opened where prompts are kept.
  std::optional<PromptCache> prompt_cache(const Callbacks& callbacks) const {
    if (load_.prompt_cache.empty()) return std::nullopt;
    return std::make_optional<PromptCache>(load_.prompt_cache, components_.encoders,
                                           components_.prompt_encoder.layout(),
                                           components_.transformer.joint_attention_dim,
                                           [&](const std::string& message) { warn(callbacks, message); });
  }

  PromptEmbedding encode_prompts(const GenerateOptions& options, const Callbacks& callbacks) const {
    const std::vector<PromptTexts> prompts = prompts_of(options);
    const int length = options.max_sequence_length.value();
    std::optional<PromptCache> cache = prompt_cache(callbacks);
    const PartOfWork part(ops(), "encode prompt");
    const StageProgress progress(callbacks, Stage::encode_prompt);
    const std::optional<EncodedPrompts> found = cache ? cache->find(prompts, length) : std::nullopt;
    const EncodedPrompts encoded = found ? *found : encode(prompts, length, progress);
    for (const std::string& warning : encoded.warnings) warn(callbacks, warning);
    check_finite(encoded.embedding.tokens, "encode prompt: the prompt embedding");
    check_finite(encoded.embedding.pooled, "encode prompt: the pooled prompt embedding");
    if (cache && !found) cache->put(prompts, length, encoded);
    if (found) progress.report(1);
    return encoded.embedding;
  }

  EncodedPrompts encode(const std::vector<PromptTexts>& prompts, int max_sequence_length,
                        const StageProgress& progress) const {
    EncodedPrompts encoded;
    EncodingCallbacks callbacks;
    callbacks.on_progress = [&](double fraction) { progress.report(fraction); };
    callbacks.on_warning = [&](const std::string& message) { encoded.warnings.push_back(message); };
    encoded.embedding = components_.prompt_encoder.encode(
        ops(), prompts, components_.transformer.joint_attention_dim, max_sequence_length, callbacks);
    return encoded;
  }

  // The engine, or what times it.
  const Ops& ops() const { return timed_ops_ ? *timed_ops_ : *ops_; }

  std::string model_;
  LoadOptions load_;
  std::unique_ptr<Ops> ops_;
  Profile profile_;
  AtomicFile trace_;  // open while operations are timed
  std::unique_ptr<ProfileOps> timed_ops_;
  Components components_;
};

Pipeline Pipeline::from_pretrained(const std::string& model, const LoadOptions& options) {
  return Pipeline(std::make_unique<Impl>(model, options));
}

Pipeline::Pipeline(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Pipeline::~Pipeline() = default;
Pipeline::Pipeline(Pipeline&&) noexcept = default;
Pipeline& Pipeline::operator=(Pipeline&&) noexcept = default;

GenerateOptions Pipeline::completed(const GenerateOptions& options) const {
  return impl_->completed(options);
}

std::vector<Picture> Pipeline::generate(const GenerateOptions& options, const Callbacks& callbacks) {
  return impl_->generate(options, callbacks);
}

void Pipeline::start_profile(const std::filesystem::path& trace) { impl_->start_profile(trace); }
std::string Pipeline::finish_profile() { return impl_->finish_profile(); }

}  // namespace sd35
