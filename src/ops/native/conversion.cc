#include "ops/native/conversion.h"

#include "core/cpu.h"
#include "core/threads.h"
#include "ops/native/elements.h"

namespace sd35::native {
namespace {

bool is_compute_type(DType dtype) { return dtype == DType::f32 || dtype == DType::bf16; }

}  // namespace

DType gemm_type(DType compute_type) { return has_bf16_instructions() ? compute_type : DType::f32; }

void convert_elements(const void* source, DType source_type, void* target, DType target_type,
                      std::int64_t count) {
  const auto* from = static_cast<const std::byte*>(source);
  auto* to = static_cast<std::byte*>(target);
  const auto from_size = static_cast<std::int64_t>(size_of(source_type)),
             to_size = static_cast<std::int64_t>(size_of(target_type));
  const bool vectorized = is_compute_type(source_type) && is_compute_type(target_type);
  parallel_for(count, kGrainElements, [&](std::int64_t begin, std::int64_t end) {
    const std::byte* first = from + begin * from_size;
    std::byte* result = to + begin * to_size;
    if (vectorized)
      kernels::row_kernels().convert({first, element_of(source_type)}, {result, element_of(target_type)},
                                     end - begin);
    else
      convert(first, source_type, result, target_type, static_cast<std::size_t>(end - begin));
  });
}

Tensor converted(const Tensor& x, DType dtype) {
  if (x.dtype() == dtype) return x;
  Tensor result(x.shape(), dtype);
  convert_elements(x.raw(), x.dtype(), result.raw(), dtype, x.numel());
  return result;
}

}  // namespace sd35::native
