#include "ops/native/conversion.h"

#include <optional>

#include "core/cpu.h"
#include "core/threads.h"
#include "ops/native/elements.h"

namespace sd35::native {
namespace {

bool is_compute_type(DType dtype) { return dtype == DType::f32 || dtype == DType::bf16; }

// The type as the kernels know it, of those that only weights are stored in.
std::optional<kernels::Stored> stored_type(DType dtype) {
  if (dtype == DType::f16) return kernels::Stored::f16;
  if (dtype == DType::f8_e4m3) return kernels::Stored::f8_e4m3;
  if (dtype == DType::f8_e5m2) return kernels::Stored::f8_e5m2;
  return std::nullopt;
}

// On the calling thread.
void convert_range(const std::byte* from, DType source_type, std::byte* to, DType target_type,
                   std::int64_t count) {
  const kernels::RowKernels& kernels = kernels::row_kernels();
  const auto stored = stored_type(source_type);
  if (!is_compute_type(target_type) || (!stored && !is_compute_type(source_type)))
    return convert(from, source_type, to, target_type, static_cast<std::size_t>(count));
  const kernels::Out out{to, element_of(target_type)};
  if (stored) return kernels.widen(from, *stored, out, count);
  kernels.convert({from, element_of(source_type)}, out, count);
}

}  // namespace

DType gemm_type(DType compute_type) { return has_bf16_instructions() ? compute_type : DType::f32; }

void convert_elements(const void* source, DType source_type, void* target, DType target_type,
                      std::int64_t count) {
  const auto* from = static_cast<const std::byte*>(source);
  auto* to = static_cast<std::byte*>(target);
  const auto from_size = static_cast<std::int64_t>(size_of(source_type)),
             to_size = static_cast<std::int64_t>(size_of(target_type));
  parallel_for(count, kGrainElements, [&](std::int64_t begin, std::int64_t end) {
    convert_range(from + begin * from_size, source_type, to + begin * to_size, target_type, end - begin);
  });
}

Tensor converted(const Tensor& x, DType dtype) {
  if (x.dtype() == dtype) return x;
  Tensor result(x.shape(), dtype);
  convert_elements(x.raw(), x.dtype(), result.raw(), dtype, x.numel());
  return result;
}

}  // namespace sd35::native
