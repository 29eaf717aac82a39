#include "weights/layouts/stored_quantized.h"

#include <algorithm>
#include <utility>

namespace sd35 {
namespace {

const FourBitEncoding* four_bit_of(const StoredTensor& tensor) {
  return dynamic_cast<const FourBitEncoding*>(tensor.encoding.get());
}

std::shared_ptr<const QuantizedMatrix> four_bit_matrix(const std::vector<const StoredTensor*>& parts,
                                                       std::int64_t columns) {
  std::vector<FourBitWeight> weights;
  for (const StoredTensor* part : parts) {
    const FourBitEncoding* encoding = four_bit_of(*part);
    if (encoding->name() != four_bit_of(*parts[0])->name() || part->scale != 1.0f ||
        !FourBitMatrix::fits(encoding->weight(), columns))
      return nullptr;
    // Segments are rows, perhaps in another order than the file's.
    for (const std::span<const std::byte> segment : part->segments) {
      const std::int64_t first = encoding->element_at(segment.data());
      const auto count = 2 * static_cast<std::int64_t>(segment.size());
      if (first % columns != 0 || count % columns != 0) return nullptr;
      weights.push_back(encoding->weight().part(first, count));
    }
  }
  return std::make_shared<FourBitMatrix>(four_bit_of(*parts[0])->name(), std::move(weights), columns);
}

bool is_fp8(const StoredTensor& tensor) {
  return tensor.encoding == nullptr && (tensor.dtype == DType::f8_e4m3 || tensor.dtype == DType::f8_e5m2);
}

std::shared_ptr<const QuantizedMatrix> fp8_matrix(const std::vector<const StoredTensor*>& parts) {
  std::vector<Fp8Matrix::Part> rows;
  for (const StoredTensor* part : parts) {
    StoredTensor unscaled = *part;
    unscaled.scale = 1.0f;
    rows.push_back({unscaled.read(), part->scale});
  }
  return std::make_shared<Fp8Matrix>(std::move(rows));
}

}  // namespace

std::shared_ptr<const QuantizedMatrix> stored_matrix(const std::vector<const StoredTensor*>& parts,
                                                     std::int64_t columns) {
  if (std::ranges::all_of(parts, [](const auto* part) { return four_bit_of(*part) != nullptr; }))
    return four_bit_matrix(parts, columns);
  if (std::ranges::all_of(parts, [](const auto* part) { return is_fp8(*part); })) return fp8_matrix(parts);
  return nullptr;
}

}  // namespace sd35
