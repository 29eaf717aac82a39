// Reads the input as a safetensors file: directly, as a single-file checkpoint, and for inspection. Only
// Error may come out.
#include <memory>
#include <nlohmann/json.hpp>

#include "sd35/sd35.h"
#include "tests/fuzz/allow_errors.h"
#include "tests/fuzz/input_file.h"
#include "weights/files/safetensors.h"
#include "weights/layouts/component_weights.h"
#include "weights/model/derived_config.h"
#include "weights/model/said_config.h"

namespace sd35 {
namespace {

void read_everything(const std::filesystem::path& path) {
  allow_errors([&] {
    for (const auto& [name, tensor] : read_safetensors(path).tensors) (void)tensor.read();
  });
  for (const Component component : kComponents)
    allow_errors([&] {
      const auto file = std::make_shared<const WeightFile>(read_weight_file(path));
      (void)said_configs(file->metadata, path.string());
      const auto weights = component_weights(component, file, path.string());
      for (const std::string& name : weights->names()) (void)weights->find(name)->read();
      (void)derive_config(component, *weights);
    });
  allow_errors([&] { (void)inspect(path, false, true); });
  allow_errors([&] { (void)inspect(path, true, true); });
}

}  // namespace
}  // namespace sd35

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const sd35::InputFile file(data, size);
  sd35::read_everything(file.path());
  return 0;
}
