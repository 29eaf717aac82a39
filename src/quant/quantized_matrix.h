// The weight of a linear layer whose elements are quantized: what stays in memory in place of a tensor.
// Engines know how to multiply with the forms they are fast with, and read the rows of others.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "core/tensor.h"
#include "quant/nf4.h"

namespace sd35 {

// [rows, columns]: output features and input features.
class QuantizedMatrix {
 public:
  QuantizedMatrix(std::int64_t rows, std::int64_t columns) : rows_(rows), columns_(columns) {}
  virtual ~QuantizedMatrix() = default;
  QuantizedMatrix(const QuantizedMatrix&) = delete;
  QuantizedMatrix& operator=(const QuantizedMatrix&) = delete;

  // "int8", "nf4", "fp4", "fp8"
  virtual std::string_view name() const = 0;
  std::int64_t rows() const { return rows_; }
  std::int64_t columns() const { return columns_; }
  // The values of rows [first, first + count), from any thread.
  virtual void read_rows(std::int64_t first, std::int64_t count, float* values) const = 0;
  // All of it, f32.
  Tensor dense() const;

 private:
  std::int64_t rows_, columns_;
};

// 8 bits and a scale per row, symmetric: element = value * scale, values -127 to 127.
class Int8Matrix : public QuantizedMatrix {
 public:
  // `values` [rows, columns] i8, `scales` [rows] f32.
  Int8Matrix(Tensor values, Tensor scales);
  std::string_view name() const override { return "int8"; }
  void read_rows(std::int64_t first, std::int64_t count, float* values) const override;
  const std::int8_t* values(std::int64_t row) const { return values_.data<std::int8_t>() + row * columns(); }
  const float* scales() const { return scales_.data<float>(); }

 private:
  Tensor values_, scales_;
};

// 4 bits of weights that were quantized one by one and are stacked: whole rows of blocks.
class FourBitMatrix : public QuantizedMatrix {
 public:
  // `name`: "nf4" or "fp4". The columns must be whole blocks of every part (fits()).
  FourBitMatrix(std::string_view name, std::vector<FourBitWeight> parts, std::int64_t columns);
  // Whether rows of `columns` elements are whole blocks of `weight`.
  static bool fits(const FourBitWeight& weight, std::int64_t columns);
  std::string_view name() const override { return name_; }
  void read_rows(std::int64_t first, std::int64_t count, float* values) const override;

  const std::vector<FourBitWeight>& parts() const { return parts_; }
  std::int64_t rows_of(const FourBitWeight& part) const { return part.count / columns(); }

 private:
  std::string_view name_;
  std::vector<FourBitWeight> parts_;
};

// fp8 as stored, with a scale per part.
class Fp8Matrix : public QuantizedMatrix {
 public:
  struct Part {
    Tensor values;  // [rows, columns] f8_e4m3 or f8_e5m2
    float scale = 1;
  };
  explicit Fp8Matrix(std::vector<Part> parts);
  std::string_view name() const override { return "fp8"; }
  void read_rows(std::int64_t first, std::int64_t count, float* values) const override;

 private:
  std::vector<Part> parts_;
};

// How the weights of linear layers are kept in memory.
enum class WeightFormat : std::uint8_t {
  as_stored,   // what a file holds in 4 or 8 bits stays so, the rest is the engine's
  dense,       // f32 or bf16, whatever the file holds
  int8,        // 8 bits; the native engine multiplies in 8 bits too
  nf4,         // 4 bits
  nf4_double,  // 4 bits and quantized scales
};
// "", "none", "int8", "nf4", "nf4-dq". Throws ArgumentError naming the known ones.
WeightFormat weight_format_from_name(std::string_view name);

// A weight [rows, columns] of any float type. Null where the format has no form for these columns: as_stored,
// dense, and nf4 of rows that are not whole blocks. Throws ArgumentError for NaN and infinity.
std::shared_ptr<const QuantizedMatrix> quantize(const Tensor& weight, WeightFormat format);

}  // namespace sd35
