#include "ops/native/packed_matrix.h"

#include <algorithm>

#include "ops/native/conversion.h"

namespace sd35::native {
namespace {

// Bytes of scratch for the part of a weight that is being converted: small enough for a shared cache.
constexpr std::int64_t kConversionScratch = std::int64_t{8} << 20;
// Blocked layouts hardly depend on the rows of x; this many stand for all.
constexpr std::int64_t kTypicalRows = 1024;

std::string form_of(const onednn::Layout& layout) { return "oneDNN " + layout.text(); }

onednn::Layout packed_layout(std::int64_t out, std::int64_t in, DType dtype) {
  const onednn::MatmulSpec typical{kTypicalRows, in, out, dtype, dtype, out};
  return onednn::primitive(typical, std::nullopt)->weight_layout();
}

}  // namespace

std::int64_t features_per_block(std::int64_t in, DType dtype) {
  const std::int64_t fitting = kConversionScratch / std::max<std::int64_t>(1, in * size_of(dtype));
  return std::max(onednn::kRowGranularity, fitting / onednn::kRowGranularity * onednn::kRowGranularity);
}

std::shared_ptr<const PackedMatrix> PackedMatrix::pack(const Tensor& weight, std::int64_t out,
                                                       std::int64_t in, DType dtype) {
  const onednn::Layout layout = packed_layout(out, in, dtype);
  Tensor elements({static_cast<std::int64_t>(layout.bytes())}, DType::u8);
  const DType stored = weight.dtype();
  if (stored == DType::f32 || stored == DType::bf16) {
    onednn::reorder(onednn::Layout::matrix(stored, out, in), weight.raw(), layout, elements.raw());
  } else {
    const std::int64_t block = std::min(out, features_per_block(in, dtype));
    Tensor scratch({block, in}, dtype);
    const auto row_bytes = in * static_cast<std::int64_t>(size_of(stored));
    for (std::int64_t begin = 0; begin < out; begin += block) {
      const std::int64_t count = std::min(block, out - begin);
      convert_elements(static_cast<const std::byte*>(weight.raw()) + begin * row_bytes, stored, scratch.raw(),
                       dtype, count * in);
      onednn::reorder(onednn::Layout::matrix(dtype, count, in), scratch.raw(), layout.rows(begin, count),
                      elements.raw());
    }
  }
  return std::shared_ptr<const PackedMatrix>(new PackedMatrix(dtype, layout, out, in, std::move(elements)));
}

std::shared_ptr<const PackedMatrix> PackedMatrix::restore(const PackedWeight& packed, std::int64_t out,
                                                          std::int64_t in, DType dtype) {
  if (packed.parts.size() != 1) return nullptr;
  const onednn::Layout layout = packed_layout(out, in, dtype);
  if (packed.form != form_of(layout) || packed.parts[0].bytes() < layout.bytes()) return nullptr;
  return std::shared_ptr<const PackedMatrix>(new PackedMatrix(dtype, layout, out, in, packed.parts[0]));
}

std::optional<PackedWeight> PackedMatrix::packed() const {
  return PackedWeight{form_of(layout_), {elements_}};
}

void PackedMatrix::product(onednn::MatmulSpec spec, const void* x, const float* bias, void* y) const {
  spec.in = in_;
  spec.out = out_;
  spec.dtype = dtype_;
  spec.bias = bias != nullptr;
  const auto product = onednn::primitive(spec, layout_);
  if (!product->plain_loops()) return product->run(x, elements_.raw(), bias, y);
  const auto preferred = onednn::primitive(spec, std::nullopt);
  Tensor elements({static_cast<std::int64_t>(preferred->weight_layout().bytes())}, DType::u8);
  onednn::reorder(layout_, elements_.raw(), preferred->weight_layout(), elements.raw());
  preferred->run(x, elements.raw(), bias, y);
}

}  // namespace sd35::native
