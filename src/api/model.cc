#include <memory>

#include "api/translated.h"
#include "core/fingerprint.h"
#include "lora/lora_files.h"
#include "pipeline/opened_model.h"
#include "pipeline/picture_inputs.h"

namespace sd35 {

Model Model::open(const std::string& model, const LoadOptions& options) {
  return translated([&] { return Model(std::make_shared<const OpenedModel>(model, options)); });
}

std::string Model::hash() const {
  return translated([&] { return opened_->hash(); });
}

std::string file_hash(const std::filesystem::path& file) {
  return translated([&] { return fingerprint(lora_files(file), Reading::samples); });
}

std::string picture_hash(const InputPicture& picture) {
  return translated([&] { return pixel_hash(picture); });
}

}  // namespace sd35
