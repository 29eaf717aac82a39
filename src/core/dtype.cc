#include "core/dtype.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "core/error.h"

namespace sd35 {
namespace {

struct TypeInfo {
  DType dtype;
  std::size_t size;
  std::string_view name;
  bool floating;
};

constexpr std::array kTypes = {
    TypeInfo{DType::f32, 4, "f32", true},         TypeInfo{DType::f16, 2, "f16", true},
    TypeInfo{DType::bf16, 2, "bf16", true},       TypeInfo{DType::f8_e4m3, 1, "f8_e4m3", true},
    TypeInfo{DType::f8_e5m2, 1, "f8_e5m2", true}, TypeInfo{DType::f64, 8, "f64", true},
    TypeInfo{DType::i64, 8, "i64", false},        TypeInfo{DType::i32, 4, "i32", false},
    TypeInfo{DType::i16, 2, "i16", false},        TypeInfo{DType::i8, 1, "i8", false},
    TypeInfo{DType::u8, 1, "u8", false},          TypeInfo{DType::boolean, 1, "bool", false},
};

const TypeInfo& info(DType dtype) { return kTypes[static_cast<std::size_t>(dtype)]; }

// Rounds a float to a small format with `mantissa` bits and exponent `bias`, without overflow handling: the
// caller looks at the magnitude first.
std::uint32_t round_small(float magnitude, int mantissa, int bias) {
  if (magnitude == 0.0f) return 0;
  const int min_exponent = 1 - bias;
  int exponent = 0;
  std::frexp(magnitude, &exponent);  // magnitude = m * 2^exponent, 0.5 <= m < 1
  exponent = std::max(exponent - 1, min_exponent);
  const float scaled = std::ldexp(magnitude, mantissa - exponent);  // integer part holds the kept bits
  auto kept = static_cast<std::uint32_t>(std::nearbyint(scaled));   // default rounding mode: ties to even
  // A subnormal has no implicit bit; a carry out of the mantissa moves into the exponent by itself.
  if (exponent == min_exponent && kept < (1u << mantissa)) return kept;
  return (static_cast<std::uint32_t>(exponent + bias) << mantissa) + (kept - (1u << mantissa));
}

std::uint8_t sign_bit(float value) { return std::signbit(value) ? 0x80 : 0; }

// One element as f32 / from f32, from possibly unaligned memory.
template <class T>
T load(const void* source, std::size_t i) {
  T value;
  std::memcpy(&value, static_cast<const std::byte*>(source) + i * sizeof(T), sizeof(T));
  return value;
}

template <class T>
void store(void* target, std::size_t i, T value) {
  std::memcpy(static_cast<std::byte*>(target) + i * sizeof(T), &value, sizeof(T));
}

template <class Read>
void write_all(Read read, void* target, DType type, std::size_t count) {
  switch (type) {
    case DType::f32:
      for (std::size_t i = 0; i < count; ++i) store<float>(target, i, read(i));
      return;
    case DType::f64:
      for (std::size_t i = 0; i < count; ++i) store<double>(target, i, read(i));
      return;
    case DType::bf16:
      for (std::size_t i = 0; i < count; ++i) store(target, i, to_bf16(read(i)));
      return;
    case DType::f16:
      for (std::size_t i = 0; i < count; ++i) store(target, i, to_f16(read(i)));
      return;
    case DType::f8_e4m3:
      for (std::size_t i = 0; i < count; ++i) store(target, i, float_to_f8_e4m3(read(i)));
      return;
    case DType::f8_e5m2:
      for (std::size_t i = 0; i < count; ++i) store(target, i, float_to_f8_e5m2(read(i)));
      return;
    default:
      throw ArgumentError("cannot convert to " + std::string(name_of(type)) + "; use a floating-point type");
  }
}

std::array<float, 256> table_of(float (*decode)(std::uint8_t)) {
  std::array<float, 256> table{};
  for (int i = 0; i < 256; ++i) table[i] = decode(static_cast<std::uint8_t>(i));
  return table;
}

}  // namespace

std::size_t size_of(DType dtype) { return info(dtype).size; }
std::string_view name_of(DType dtype) { return info(dtype).name; }
bool is_float(DType dtype) { return info(dtype).floating; }

DType dtype_from_name(std::string_view name) {
  for (const TypeInfo& type : kTypes)
    if (type.name == name) return type.dtype;
  throw ArgumentError("unknown type '" + std::string(name) + "'; known: f32, f16, bf16, f8_e4m3, f8_e5m2");
}

float to_float(bf16 value) { return std::bit_cast<float>(static_cast<std::uint32_t>(value.bits) << 16); }

float to_float(f16 value) {
  const std::uint32_t sign = (value.bits & 0x8000u) << 16;
  const std::uint32_t exponent = (value.bits >> 10) & 0x1f;
  const std::uint32_t mantissa = value.bits & 0x3ff;
  if (exponent == 0x1f) return std::bit_cast<float>(sign | 0x7f800000u | (mantissa << 13));
  if (exponent != 0) return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (mantissa << 13));
  const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
  return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(magnitude));
}

bf16 to_bf16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return {static_cast<std::uint16_t>((bits >> 16) | 0x40)};
  return {static_cast<std::uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1)) >> 16)};
}

f16 to_f16(float value) {
  const std::uint16_t sign = static_cast<std::uint16_t>(sign_bit(value) << 8);
  const float magnitude = std::fabs(value);
  if (std::isnan(value)) return {static_cast<std::uint16_t>(sign | 0x7e00)};
  if (magnitude >= 65520.0f) return {static_cast<std::uint16_t>(sign | 0x7c00)};
  return {static_cast<std::uint16_t>(sign | round_small(magnitude, 10, 15))};
}

float f8_e4m3_to_float(std::uint8_t bits) {
  const float sign = (bits & 0x80) != 0 ? -1.0f : 1.0f;
  const int exponent = (bits >> 3) & 0xf;
  const int mantissa = bits & 7;
  if (exponent == 0xf && mantissa == 7) return std::numeric_limits<float>::quiet_NaN();
  if (exponent == 0) return sign * std::ldexp(static_cast<float>(mantissa), -9);
  return sign * std::ldexp(static_cast<float>(8 + mantissa), exponent - 10);
}

float f8_e5m2_to_float(std::uint8_t bits) { return to_float(f16{static_cast<std::uint16_t>(bits << 8)}); }

std::uint8_t float_to_f8_e4m3(float value) {
  const float magnitude = std::fabs(value);
  if (std::isnan(value) || magnitude > 464.0f)
    return sign_bit(value) | 0x7f;  // 464: halfway from 448 to the next
  return static_cast<std::uint8_t>(sign_bit(value) | round_small(magnitude, 3, 7));
}

std::uint8_t float_to_f8_e5m2(float value) {
  const float magnitude = std::fabs(value);
  if (std::isnan(value)) return sign_bit(value) | 0x7f;
  if (magnitude >= 61440.0f)
    return sign_bit(value) | 0x7c;  // halfway from 57344 to 65536, ties to even go up
  return static_cast<std::uint8_t>(sign_bit(value) | round_small(magnitude, 2, 15));
}

void convert(const void* source, DType source_type, void* target, DType target_type, std::size_t count) {
  static const std::array<float, 256> e4m3 = table_of(f8_e4m3_to_float);
  static const std::array<float, 256> e5m2 = table_of(f8_e5m2_to_float);
  if (source_type == target_type) {
    std::memcpy(target, source, count * size_of(source_type));
    return;
  }
  switch (source_type) {
    case DType::f32:
      return write_all([&](std::size_t i) { return load<float>(source, i); }, target, target_type, count);
    case DType::f64:
      return write_all([&](std::size_t i) { return static_cast<float>(load<double>(source, i)); }, target,
                       target_type, count);
    case DType::bf16:
      return write_all([&](std::size_t i) { return to_float(load<bf16>(source, i)); }, target, target_type,
                       count);
    case DType::f16:
      return write_all([&](std::size_t i) { return to_float(load<f16>(source, i)); }, target, target_type,
                       count);
    case DType::f8_e4m3:
      return write_all([&](std::size_t i) { return e4m3[load<std::uint8_t>(source, i)]; }, target,
                       target_type, count);
    case DType::f8_e5m2:
      return write_all([&](std::size_t i) { return e5m2[load<std::uint8_t>(source, i)]; }, target,
                       target_type, count);
    default:
      throw ArgumentError("cannot convert from " + std::string(name_of(source_type)) +
                          "; only floating-point types convert");
  }
}

}  // namespace sd35
