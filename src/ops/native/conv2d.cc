#include "ops/native/conv2d.h"

#include <algorithm>
#include <cstring>

#include "core/cpu.h"
#include "core/error.h"
#include "core/threads.h"
#include "ops/checks.h"
#include "ops/native/conversion.h"
#include "ops/native/elements.h"
#include "ops/native/onednn.h"
#include "ops/native/row_ops.h"

namespace sd35::native {
namespace {

// The picture that decides the layout of a prepared filter. Nearly every size prefers the same.
constexpr std::int64_t kTypicalSide = 64;

class PackedFilter : public PreparedWeight {
 public:
  PackedFilter(DType dtype, onednn::Layout layout)
      : dtype(dtype),
        layout(std::move(layout)),
        elements({static_cast<std::int64_t>(this->layout.bytes())}, DType::u8) {}

  DType dtype;
  onednn::Layout layout;
  Tensor elements;
};

// With AVX2 oneDNN runs at 81 % of the ceiling on blocks of channels, at 34-48 % on channels last; moving the
// elements there and back takes 2-4 %.
bool wants_blocks(const Conv2d& w, DType dtype) {
  return isa_level() == IsaLevel::avx2 && dtype == DType::f32 && w.in_channels % onednn::kChannelBlock == 0 &&
         w.out_channels % onednn::kChannelBlock == 0;
}

onednn::ConvolutionSpec spec_of(const Shape& x, const Shape& y, const Conv2d& w, RowPadding padding,
                                DType dtype, DType result_dtype) {
  return {.batch = x[0],
          .height = x[1],
          .width = x[2],
          .result_height = y[1],
          .result_width = y[2],
          .in = w.in_channels,
          .out = w.out_channels,
          .kernel = w.kernel,
          .stride = w.stride,
          .pad_top = padding.top,
          .pad_left = w.pad_before,
          .pad_bottom = padding.bottom,
          .pad_right = w.pad_after,
          .dtype = dtype,
          .result_dtype = result_dtype,
          .bias = w.bias.defined(),
          .blocked = wants_blocks(w, dtype)};
}

// Calls body(number of the row, first float of the row in its first block, scratch for a row) for every row
// of pictures [B, Y, X, C] that are laid out in blocks.
template <class Body>
void for_rows_in_blocks(const Shape& shape, Body body) {
  const std::int64_t height = shape[1], row_floats = shape[2] * onednn::kChannelBlock;
  parallel_for(shape[0] * height, 1, [&](std::int64_t begin, std::int64_t end) {
    Tensor scratch({shape[2] * shape[3]}, DType::f32);
    for (std::int64_t row = begin; row < end; ++row)
      body(row, row / height * height * shape[2] * shape[3] + row % height * row_floats,
           scratch.data<float>());
  });
}

// Of x [B, Y, X, C], f32 in blocks.
Tensor to_blocks(const Tensor& x) {
  constexpr std::int64_t kBlock = onednn::kChannelBlock;
  Tensor result(x.shape(), DType::f32);
  const std::int64_t width = x.dim(2), channels = x.dim(3), block_floats = x.dim(1) * width * kBlock;
  for_rows_in_blocks(x.shape(), [&](std::int64_t row, std::int64_t first, float* scratch) {
    kernels::row_kernels().convert(read_from(x, row * width * channels), {scratch, kernels::Element::f32},
                                   width * channels);
    for (std::int64_t c = 0; c < channels; c += kBlock) {
      float* target = result.data<float>() + first + c / kBlock * block_floats;
      for (std::int64_t i = 0; i < width; ++i)
        std::memcpy(target + i * kBlock, scratch + i * channels + c, kBlock * sizeof(float));
    }
  });
  return result;
}

// The way back, in the type of y [B, Y, X, C].
void from_blocks(const Tensor& blocks, Tensor& y) {
  constexpr std::int64_t kBlock = onednn::kChannelBlock;
  const std::int64_t width = y.dim(2), channels = y.dim(3), block_floats = y.dim(1) * width * kBlock;
  for_rows_in_blocks(y.shape(), [&](std::int64_t row, std::int64_t first, float* scratch) {
    for (std::int64_t c = 0; c < channels; c += kBlock) {
      const float* source = blocks.data<float>() + first + c / kBlock * block_floats;
      for (std::int64_t i = 0; i < width; ++i)
        std::memcpy(scratch + i * channels + c, source + i * kBlock, kBlock * sizeof(float));
    }
    kernels::row_kernels().convert({scratch, kernels::Element::f32}, write_to(y, row * width * channels),
                                   width * channels);
  });
}

PackedFilter pack(const Conv2d& conv, DType dtype, const onednn::Layout& layout) {
  if (conv.weight.shape() != Shape{conv.out_channels, conv.in_channels, conv.kernel, conv.kernel})
    throw Error("conv2d: a weight of " + conv.weight.shape().to_string() + " for " +
                std::to_string(conv.in_channels) + " to " + std::to_string(conv.out_channels) +
                " channels, kernel " + std::to_string(conv.kernel));
  PackedFilter packed(dtype, layout);
  const Tensor weight = converted(conv.weight, dtype);
  onednn::reorder(onednn::Layout::filter(dtype, conv.out_channels, conv.in_channels, conv.kernel),
                  weight.raw(), layout, packed.elements.raw());
  return packed;
}

// Runs `convolution`, whose layout of the weight may differ from `filter`'s: some small pictures prefer
// another blocking.
void run(const onednn::ConvolutionSpec& spec, const PackedFilter& filter, const Tensor& x, const Conv2d& w,
         Tensor& y) {
  const auto convolution = onednn::primitive(spec, std::nullopt);
  const float* bias = spec.bias ? w.bias.data<float>() : nullptr;
  if (convolution->weight_layout() == filter.layout)
    return convolution->run(x.raw(), filter.elements.raw(), bias, y.raw());
  PackedFilter other(filter.dtype, convolution->weight_layout());
  onednn::reorder(filter.layout, filter.elements.raw(), other.layout, other.elements.raw());
  convolution->run(x.raw(), other.elements.raw(), bias, y.raw());
}

const PackedFilter* filter_of(const Conv2d& w) {
  const auto* filter = dynamic_cast<const PackedFilter*>(w.prepared.get());
  if (w.prepared != nullptr && filter == nullptr)
    throw Error("conv2d: the weight was prepared by another engine");
  return filter;
}

// The type the convolution runs in.
DType type_of(const Conv2d& w, DType compute_type) {
  const PackedFilter* filter = filter_of(w);
  return filter != nullptr ? filter->dtype : gemm_type(compute_type);
}

}  // namespace

Tensor rows_of_picture(const Tensor& x, std::int64_t picture, std::int64_t begin, std::int64_t end) {
  const std::int64_t height = x.dim(1), width = x.dim(2), channels = x.dim(3);
  return x.reshape({x.dim(0) * height, width, channels})
      .rows(picture * height + begin, picture * height + end)
      .reshape({1, end - begin, width, channels});
}

std::int64_t rows_per_band(const Shape& input, const Conv2d& w, std::int64_t bytes) {
  const std::int64_t row = 4 * input[2] * std::max(w.in_channels, w.out_channels);
  return std::max<std::int64_t>(1, bytes / std::max<std::int64_t>(1, row));
}

InputRows rows_to_convolve(const Shape& input, const Conv2d& w, std::int64_t first, std::int64_t last) {
  const std::int64_t top = first * w.stride - w.pad_before;
  const std::int64_t bottom = (last - 1) * w.stride - w.pad_before + w.kernel;
  const std::int64_t begin = std::max<std::int64_t>(0, top), end = std::min(bottom, input[1]);
  return {begin, end, {static_cast<int>(begin - top), static_cast<int>(bottom - end)}};
}

void convolve(const Tensor& x, const Conv2d& w, RowPadding padding, DType compute_type, Tensor& y) {
  const DType dtype = type_of(w, compute_type);
  const DType written = y.dtype() == DType::f32 ? DType::f32 : dtype;
  const onednn::ConvolutionSpec spec = spec_of(x.shape(), y.shape(), w, padding, dtype, written);
  const bool direct = written == y.dtype() && !spec.blocked;
  const Tensor input = spec.blocked ? to_blocks(x) : converted(x, dtype);
  Tensor result = direct ? y : Tensor(y.shape(), written);
  if (const PackedFilter* filter = filter_of(w))
    run(spec, *filter, input, w, result);
  else
    run(spec, pack(w, dtype, onednn::primitive(spec, std::nullopt)->weight_layout()), input, w, result);
  if (spec.blocked)
    from_blocks(result, y);
  else if (!direct)
    convert_elements(result.raw(), written, y.raw(), y.dtype(), y.numel());
}

void prepare_conv2d(Conv2d& conv, DType compute_type) {
  if (!conv.weight.defined() || conv.weight.numel() == 0) return;
  const DType dtype = gemm_type(compute_type);
  const std::int64_t side = std::max<std::int64_t>(kTypicalSide, conv.kernel);
  const std::int64_t result_side = (side + conv.pad_before + conv.pad_after - conv.kernel) / conv.stride + 1;
  const onednn::ConvolutionSpec spec =
      spec_of({1, side, side, conv.in_channels}, {1, result_side, result_side, conv.out_channels}, conv,
              {conv.pad_before, conv.pad_after}, dtype, dtype);
  conv.prepared = std::make_shared<PackedFilter>(
      pack(conv, dtype, onednn::primitive(spec, std::nullopt)->weight_layout()));
  conv.weight = Tensor();
}

}  // namespace sd35::native
