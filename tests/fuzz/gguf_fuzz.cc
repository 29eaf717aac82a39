// Reads the input as a GGUF file: directly, as a checkpoint, and for inspection. Only Error may come out.
#include <memory>
#include <nlohmann/json.hpp>

#include "sd35/sd35.h"
#include "tests/fuzz/allow_errors.h"
#include "tests/fuzz/input_file.h"
#include "weights/files/gguf.h"
#include "weights/layouts/component_weights.h"
#include "weights/model/derived_config.h"
#include "weights/model/said_config.h"

namespace sd35 {
namespace {

constexpr std::int64_t kMostElements = 1 << 18;  // decoded; a few bytes can claim any number of empty rows

void read_all(const StoredTensor& tensor) {
  if (tensor.shape.numel() <= kMostElements) (void)tensor.read();
}

void read_everything(const std::filesystem::path& path) {
  allow_errors([&] {
    for (const auto& [name, tensor] : read_gguf(path).tensors) read_all(tensor);
  });
  for (const Component component : kComponents)
    allow_errors([&] {
      const auto file = std::make_shared<const WeightFile>(read_weight_file(path));
      (void)said_configs(file->metadata, path.string());
      const auto weights = component_weights(component, file, path.string());
      for (const std::string& name : weights->names()) read_all(*weights->find(name));
      (void)derive_config(component, *weights);
    });
  allow_errors([&] { (void)inspect(path, false, true); });
}

}  // namespace
}  // namespace sd35

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const sd35::InputFile file(data, size);
  sd35::read_everything(file.path());
  return 0;
}
