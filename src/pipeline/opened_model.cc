#include "pipeline/opened_model.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "core/fingerprint.h"
#include "core/threads.h"
#include "pipeline/validation.h"
#include "weights/model/hub_cache.h"

namespace sd35 {
namespace {

// With its number of threads, which LibTorch reads when the engine is made.
std::unique_ptr<Ops> make_engine(const LoadOptions& load) {
  const ThreadCount threads(load.threads);
  return make_ops(load.engine, dtype_from_name(load.dtype), load.device);
}

}  // namespace

bool has_model(const std::string& model) {
  std::error_code error;
  return std::filesystem::exists(model, error) || find_in_hub_cache(model);
}

OpenedModel::OpenedModel(std::string model, LoadOptions options)
    : name(std::move(model)),
      load(with_canonical_types(std::move(options))),
      ops(make_engine(load)),
      components(open_components(name, load)),
      keep(residency_from_name(load.keep)) {}

bool OpenedModel::widens() const { return ops->product_type() != ops->compute_type(); }

const std::string& OpenedModel::hash() const {
  std::call_once(hashed_, [this] { hash_ = fingerprint(components.weight_files, Reading::samples); });
  return hash_;
}

}  // namespace sd35
