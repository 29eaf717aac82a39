#include "tests/support/tensor_file.h"

#include "weights/files/safetensors.h"

namespace sd35 {

std::map<std::string, Tensor> read_tensors(const std::filesystem::path& path) {
  std::map<std::string, Tensor> tensors;
  for (const auto& [name, stored] : read_safetensors(path).tensors) tensors[name] = stored.read();
  return tensors;
}

void write_tensors(const std::map<std::string, Tensor>& tensors, const std::filesystem::path& path) {
  write_safetensors(path, tensors);
}

}  // namespace sd35
