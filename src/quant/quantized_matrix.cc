#include "quant/quantized_matrix.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>

#include "core/error.h"
#include "core/threads.h"

namespace sd35 {
namespace {

constexpr float kLargestInt8 = 127.0f;

// Calls body(part, first row inside it, count, rows done before) for the parts that rows [first, first +
// count) lie in.
template <class Part, class RowsOf, class Body>
void for_parts(const std::vector<Part>& parts, RowsOf rows_of, std::int64_t first, std::int64_t count,
               Body body) {
  std::int64_t begin = 0, done = 0;
  for (const Part& part : parts) {
    const std::int64_t end = begin + rows_of(part), from = std::max(first, begin),
                       to = std::min(first + count, end);
    if (from < to) {
      body(part, from - begin, to - from, done);
      done += to - from;
    }
    begin = end;
  }
}

std::shared_ptr<const QuantizedMatrix> quantize_int8(const Tensor& weight) {
  const std::int64_t rows = weight.dim(0), columns = weight.dim(1);
  Tensor values({rows, columns}, DType::i8), scales({rows}, DType::f32);
  parallel_for(rows, 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const float* w = weight.data<float>() + row * columns;
      float largest = 0;
      for (std::int64_t k = 0; k < columns; ++k) {
        if (!std::isfinite(w[k])) throw ArgumentError("NaN or infinity, which int8 has no value for");
        largest = std::max(largest, std::fabs(w[k]));
      }
      const float scale = largest / kLargestInt8, factor = scale > 0 ? 1.0f / scale : 0.0f;
      scales.data<float>()[row] = scale;
      std::int8_t* q = values.data<std::int8_t>() + row * columns;
      for (std::int64_t k = 0; k < columns; ++k)
        q[k] =
            static_cast<std::int8_t>(std::nearbyint(std::clamp(w[k] * factor, -kLargestInt8, kLargestInt8)));
    }
  });
  return std::make_shared<Int8Matrix>(std::move(values), std::move(scales));
}

}  // namespace

Tensor QuantizedMatrix::dense() const {
  Tensor values({rows_, columns_}, DType::f32);
  parallel_for(rows_, 16, [&](std::int64_t begin, std::int64_t end) {
    read_rows(begin, end - begin, values.data<float>() + begin * columns_);
  });
  return values;
}

Int8Matrix::Int8Matrix(Tensor values, Tensor scales)
    : QuantizedMatrix(values.dim(0), values.dim(1)), values_(std::move(values)), scales_(std::move(scales)) {}

void Int8Matrix::read_rows(std::int64_t first, std::int64_t count, float* values) const {
  for (std::int64_t row = first; row < first + count; ++row)
    for (std::int64_t k = 0; k < columns(); ++k)
      *values++ = static_cast<float>(this->values(row)[k]) * scales()[row];
}

FourBitMatrix::FourBitMatrix(std::string_view name, std::vector<FourBitWeight> parts, std::int64_t columns)
    : QuantizedMatrix(
          std::accumulate(parts.begin(), parts.end(), std::int64_t{0},
                          [&](std::int64_t sum, const auto& part) { return sum + part.count / columns; }),
          columns),
      name_(name),
      parts_(std::move(parts)) {
  for (const FourBitWeight& part : parts_)
    if (!fits(part, columns)) throw Error("a 4-bit matrix: rows that are not whole blocks");
}

bool FourBitMatrix::fits(const FourBitWeight& weight, std::int64_t columns) {
  return columns > 0 && columns % weight.block == 0 && weight.count % columns == 0;
}

void FourBitMatrix::read_rows(std::int64_t first, std::int64_t count, float* values) const {
  for_parts(
      parts_, [this](const FourBitWeight& part) { return rows_of(part); }, first, count,
      [&](const FourBitWeight& part, std::int64_t row, std::int64_t rows, std::int64_t done) {
        part.decode(row * columns(), rows * columns(), values + done * columns());
      });
}

Fp8Matrix::Fp8Matrix(std::vector<Part> parts)
    : QuantizedMatrix(
          std::accumulate(parts.begin(), parts.end(), std::int64_t{0},
                          [](std::int64_t sum, const Part& part) { return sum + part.values.dim(0); }),
          parts.at(0).values.dim(1)),
      parts_(std::move(parts)) {}

void Fp8Matrix::read_rows(std::int64_t first, std::int64_t count, float* values) const {
  for_parts(
      parts_, [](const Part& part) { return part.values.dim(0); }, first, count,
      [&](const Part& part, std::int64_t row, std::int64_t rows, std::int64_t done) {
        float* target = values + done * columns();
        const auto* stored = static_cast<const std::byte*>(part.values.raw()) + row * columns();
        convert(stored, part.values.dtype(), target, DType::f32, static_cast<std::size_t>(rows * columns()));
        if (part.scale == 1) return;
        for (std::int64_t i = 0; i < rows * columns(); ++i) target[i] *= part.scale;
      });
}

WeightFormat weight_format_from_name(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, WeightFormat>, 5> kFormats{
      {{"", WeightFormat::as_stored},
       {"none", WeightFormat::dense},
       {"int8", WeightFormat::int8},
       {"nf4", WeightFormat::nf4},
       {"nf4-dq", WeightFormat::nf4_double}}};
  for (const auto& [known, format] : kFormats)
    if (known == name) return format;
  throw ArgumentError("weights cannot be quantized to '" + std::string(name) +
                      "'; known: int8, nf4, nf4-dq, none");
}

std::shared_ptr<const QuantizedMatrix> quantize(const Tensor& weight, WeightFormat format) {
  if (format == WeightFormat::as_stored || format == WeightFormat::dense) return nullptr;
  if (format == WeightFormat::int8) return quantize_int8(weight.to(DType::f32));
  const std::int64_t columns = weight.dim(1);
  if (columns % kNf4Block != 0) return nullptr;
  std::vector<FourBitWeight> parts;
  parts.push_back(quantize_nf4(weight.to(DType::f32).floats(), format == WeightFormat::nf4_double));
  return std::make_shared<FourBitMatrix>("nf4", std::move(parts), columns);
}

}  // namespace sd35
