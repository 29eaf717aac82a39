#include "pipeline/opened_model.h"

#include <utility>

#include "core/cpu.h"
#include "core/threads.h"
#include "mmdit/quantization.h"
#include "pipeline/validation.h"

namespace sd35 {

OpenedModel::OpenedModel(std::string model, LoadOptions options)
    : name(std::move(model)),
      load(with_canonical_types(std::move(options))),
      ops(make_ops(load.engine, dtype_from_name(load.dtype), load.device)),
      components(open_components(name, load)),
      keep(residency_from_name(load.keep)) {
  weight_format_from_name(load.quantize);
  const ThreadCount as_asked(load.threads);
}

bool OpenedModel::widens() const {
  return ops->compute_type() == DType::bf16 && load.engine == "native" && !has_bf16_instructions();
}

Model Model::open(const std::string& model, const LoadOptions& options) {
  return Model(std::make_shared<const OpenedModel>(model, options));
}

}  // namespace sd35
