#include "api/translated.h"
#include "core/buffer_pool.h"
#include "core/threads.h"
#include "core/type_names.h"
#include "core/yielding.h"
#include "pipeline/components.h"
#include "pipeline/packed_transformer.h"
#include "pipeline/validation.h"

namespace sd35 {

void pack(const std::string& model, const LoadOptions& asked, const Callbacks& callbacks) {
  translated(callbacks, [&](const Callbacks& watched) {
    const LoadOptions options = with_canonical_types(asked);
    if (options.packed.empty()) throw ArgumentError("where to? LoadOptions::packed names a folder");
    const ThreadCount threads(options.threads);
    const PoolScope memory;
    const YieldWhenBusy yielding;
    const auto ops = make_ops(options.engine, dtype_from_name(options.dtype), options.device);
    const Components components = open_components(model, options);
    for (const std::string& warning : components.warnings) warn(watched, warning);
    TransformerWeights weights(components, options, *ops, watched);
    weights.check_writable();
    Transformer transformer(components.transformer);
    weights.load(transformer, StageProgress(watched, "transformer"));
    weights.pack(transformer);
  });
}

}  // namespace sd35
