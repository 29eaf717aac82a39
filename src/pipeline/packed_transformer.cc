#include "pipeline/packed_transformer.h"

#include <utility>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/messages.h"
#include "lora/attach.h"
#include "mmdit/quantization.h"
#include "pipeline/loading.h"
#include "pipeline/validation.h"

namespace sd35 {

namespace fs = std::filesystem;

TransformerWeights::TransformerWeights(const Components& components, const LoadOptions& options,
                                       const Ops& ops, const Callbacks& callbacks)
    : config_(components.transformer),
      source_(components.transformer_weights),
      quantization_{weight_format_from_name(options.quantize), is_quantized},
      ops_(ops),
      callbacks_(callbacks) {
  if (options.packed.empty()) return;
  const std::string quantize = options.quantize.empty() ? "" : "-" + options.quantize;
  identity_ = {version(), ops.packing(), components.transformer_identity + quantize};
  if (identity_.engine.empty()) {
    warn(callbacks, "the engine " + in_quotes(ops.name()) + " packs no weights; --packed has no effect");
    return;
  }
  folder_.make(options.packed);
  path_ = options.packed / ("transformer-" + options.dtype + quantize + ".safetensors");
  open();
}

void TransformerWeights::open() {
  std::error_code ignored;
  if (!fs::exists(path_, ignored)) return;
  try {
    packed_ = std::make_shared<const PackedWeights>(path_, identity_);
  } catch (const FileError& error) {
    warn(callbacks_, std::string(error.what()) + "; packed again");
  }
}

void TransformerWeights::check_writable() const {
  if (path_.empty() || packed_ != nullptr) return;
  const AtomicFile probe(path_);
}

void TransformerWeights::pack_nothing() { path_.clear(); }

void TransformerWeights::load(Transformer& transformer, const StageProgress& progress) {
  const int refused = load_model(transformer, *source_, "", ops_, progress, quantization_, packed_);
  ops_.trim();  // what loading took besides the weights
  if (settled_) return;
  missing_ = !path_.empty() && (packed_ == nullptr || refused > 0);
  if (refused > 0)
    warn(callbacks_, path_.string() + ": " + std::to_string(refused) +
                         " weights are not packed as this machine needs them; packed again");
}

void TransformerWeights::stream(Transformer& transformer, const StageProgress& progress) {
  if (!path_.empty() && packed_ == nullptr && !std::exchange(settled_, true))
    warn(callbacks_, path_.string() +
                         ": no packed weights, and too little memory to make them; sd35 convert "
                         "--packed makes them");
  transformer.stream_blocks([this, config = transformer.config()](int index) {
    auto block = std::make_shared<JointBlock>(config, index);
    Loader loader(*source_, ops_, Reuse::many, quantization_);
    loader.use(packed_);
    const auto describe = [&](const Parameters& p) { block->parameters(Transformer::block_scope(p, index)); };
    loader.expect(describe);
    describe(Parameters(loader));
    attach_lora(ops_, updates_, describe);
    return block;
  });
  load_model(transformer, *source_, "", ops_, progress, quantization_, packed_);
  attach_lora(ops_, updates_, [&](const Parameters& p) { transformer.parameters(p); });
}

void TransformerWeights::adapt(std::vector<LoraUpdate> updates) {
  if (updates.empty()) return;
  Transformer shapes(config_);
  const std::vector<std::string> left =
      attach_lora(*make_ref_ops(), updates, [&](const Parameters& p) { shapes.parameters(p); });
  if (!left.empty())
    throw ArgumentError("a LoRA changes " + in_quotes(left.front()) +
                            ", which is not a linear layer; only a LoRA that is loaded with the model can",
                        "loras");
  updates_ = std::move(updates);
}

std::shared_ptr<const Transformer> TransformerWeights::adapted(
    std::shared_ptr<const Transformer> transformer) const {
  if (updates_.empty()) return transformer;
  auto copy = std::make_shared<Transformer>(*transformer);
  attach_lora(ops_, updates_, [&](const Parameters& p) { copy->parameters(p); });
  return copy;
}

void TransformerWeights::pack(Transformer& transformer) {
  if (!missing_) return;
  missing_ = false;
  settled_ = true;
  PackedWeightCollector collector;
  transformer.parameters(Parameters(collector));
  if (collector.empty())
    return warn(callbacks_,
                "this machine multiplies with the weights as they lie in the model; nothing is packed");
  const StageProgress progress(callbacks_, Stage::convert);
  collector.write(path_, identity_, [&](double fraction) { progress.report(fraction); });
  open();
}

}  // namespace sd35
