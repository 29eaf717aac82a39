// Small files and models for the tests of this folder.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/tensor.h"
#include "tests/support/file_bytes.h"
#include "tests/support/file_error.h"
#include "tests/support/temporary_folder.h"
#include "weights/source.h"

namespace sd35 {

using Tensors = std::map<std::string, Tensor>;

// A safetensors file of a header as it stands and `data_bytes` zeros.
inline std::string safetensors_bytes(const std::string& header, std::size_t data_bytes) {
  std::string bytes;
  for (int i = 0; i < 8; ++i)
    bytes += static_cast<char>(static_cast<std::uint64_t>(header.size()) >> (8 * i));
  return bytes + header + std::string(data_bytes, '\0');
}

// f32 with values that differ within and between tensors.
inline Tensor numbered(Shape shape) {
  static int next = 0;
  Tensor tensor(shape, DType::f32);
  for (std::int64_t i = 0; i < tensor.numel(); ++i) tensor.data<float>()[i] = static_cast<float>(++next);
  return tensor;
}

inline std::vector<float> floats_of(const Tensor& tensor) {
  const Tensor converted = tensor.to(DType::f32);
  return {converted.floats().begin(), converted.floats().end()};
}

// The same names, shapes and values.
template <class Source>
void expect_tensors(const Source& source, const Tensors& expected) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : expected) names.push_back(name);
  ASSERT_EQ(source.names(), names);
  for (const auto& [name, tensor] : expected) {
    const StoredTensor& stored = *source.find(name);
    EXPECT_EQ(stored.shape, tensor.shape()) << name;
    EXPECT_EQ(floats_of(stored.read()), floats_of(tensor)) << name;
  }
}

}  // namespace sd35
