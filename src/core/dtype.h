// Element types of weights and activations, and their conversion to and from f32.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sd35 {

enum class DType : std::uint8_t { f32, f16, bf16, f8_e4m3, f8_e5m2, f64, i64, i32, i16, i8, u8, boolean };

// Bytes of one element.
std::size_t size_of(DType dtype);

// "f32", "bf16", ... as options and messages spell them.
std::string_view name_of(DType dtype);

// The inverse of name_of. Throws ArgumentError naming the known ones.
DType dtype_from_name(std::string_view name);

bool is_float(DType dtype);

// A bf16 number: the upper half of an f32.
struct bf16 {
  std::uint16_t bits;
};

// An IEEE binary16 number.
struct f16 {
  std::uint16_t bits;
};

float to_float(bf16 value);
float to_float(f16 value);
bf16 to_bf16(float value);  // round to nearest, ties to even; NaN stays NaN
f16 to_f16(float value);    // round to nearest, ties to even; overflow becomes infinity

float f8_e4m3_to_float(std::uint8_t bits);   // bias 7, no infinity, NaN = 0x7f and 0xff
float f8_e5m2_to_float(std::uint8_t bits);   // bias 15, the upper byte of an f16
std::uint8_t float_to_f8_e4m3(float value);  // round to nearest even; beyond 448 becomes NaN, as torch does
std::uint8_t float_to_f8_e5m2(float value);  // round to nearest even; beyond range becomes infinity

// Converts `count` elements between any two float types; `source` may be unaligned. Same types copy the
// bytes. Throws ArgumentError when either is not a float type.
void convert(const void* source, DType source_type, void* target, DType target_type, std::size_t count);

}  // namespace sd35
