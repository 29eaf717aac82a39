#include <memory>

#include "api/translated.h"
#include "pipeline/opened_model.h"

namespace sd35 {

Model Model::open(const std::string& model, const LoadOptions& options) {
  return translated([&] { return Model(std::make_shared<const OpenedModel>(model, options)); });
}

}  // namespace sd35
