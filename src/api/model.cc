#include <memory>

#include "api/translated.h"
#include "core/fingerprint.h"
#include "pipeline/opened_model.h"

namespace sd35 {

Model Model::open(const std::string& model, const LoadOptions& options) {
  return translated([&] { return Model(std::make_shared<const OpenedModel>(model, options)); });
}

std::string Model::hash() const {
  return translated([&] { return opened_->hash(); });
}

std::string file_hash(const std::filesystem::path& file) {
  return translated([&] { return fingerprint({file}, Reading::samples); });
}

}  // namespace sd35
