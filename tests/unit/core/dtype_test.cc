#include "core/dtype.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "core/error.h"

namespace sd35 {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST(DTypeTest, NamesRoundTrip) {
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16, DType::f8_e4m3, DType::f8_e5m2, DType::u8})
    EXPECT_EQ(dtype_from_name(name_of(dtype)), dtype);
  EXPECT_THROW(dtype_from_name("float7"), ArgumentError);
}

TEST(DTypeTest, Bf16RoundsToNearestEven) {
  EXPECT_EQ(to_bf16(1.0f).bits, 0x3f80);
  EXPECT_EQ(to_bf16(1.0f + 0x1p-8f).bits, 0x3f80);      // a tie goes to the even neighbour below
  EXPECT_EQ(to_bf16(1.0f + 3 * 0x1p-8f).bits, 0x3f82);  // and above
  EXPECT_EQ(to_bf16(std::nextafter(1.0f + 0x1p-8f, 2.0f)).bits, 0x3f81);
  EXPECT_EQ(to_float(to_bf16(kInfinity)), kInfinity);
  EXPECT_EQ(to_float(to_bf16(std::numeric_limits<float>::max())), kInfinity);
  EXPECT_TRUE(std::isnan(to_float(to_bf16(std::nanf("")))));
}

// Every number of a small format survives the way to f32 and back, and rounding picks the nearest neighbour.
template <class Decode, class Encode>
void expect_exact_and_nearest(int count, Decode decode, Encode encode) {
  for (int bits = 0; bits < count; ++bits) {
    const float value = decode(bits);
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(decode(encode(value)))) << bits;
      continue;
    }
    EXPECT_EQ(encode(value), bits) << bits;
    const bool last_of_sign = (bits & (count / 2 - 1)) == count / 2 - 1;
    const float next = last_of_sign ? kInfinity : decode(bits + 1);
    if (!std::isfinite(value) || !std::isfinite(next)) continue;
    const float middle = value + (next - value) / 2;
    const int to_even = bits % 2 == 0 ? bits : bits + 1;
    EXPECT_EQ(encode(middle), to_even) << bits;
    EXPECT_EQ(encode(std::nextafter(middle, value)), bits) << bits;
  }
}

TEST(DTypeTest, F16IsExactAndRoundsToNearest) {
  expect_exact_and_nearest(
      1 << 16, [](int bits) { return to_float(f16{static_cast<std::uint16_t>(bits)}); },
      [](float value) { return static_cast<int>(to_f16(value).bits); });
  EXPECT_EQ(to_f16(65519.0f).bits, 0x7bff);
  EXPECT_EQ(to_f16(65520.0f).bits, 0x7c00);
}

TEST(DTypeTest, F8IsExactAndRoundsToNearest) {
  expect_exact_and_nearest(
      256, [](int bits) { return f8_e4m3_to_float(static_cast<std::uint8_t>(bits)); },
      [](float value) { return static_cast<int>(float_to_f8_e4m3(value)); });
  expect_exact_and_nearest(
      256, [](int bits) { return f8_e5m2_to_float(static_cast<std::uint8_t>(bits)); },
      [](float value) { return static_cast<int>(float_to_f8_e5m2(value)); });
  EXPECT_EQ(f8_e4m3_to_float(0x7e), 448.0f);
  EXPECT_EQ(f8_e4m3_to_float(0x01), 0x1p-9f);
  EXPECT_EQ(f8_e5m2_to_float(0x7b), 57344.0f);
  EXPECT_TRUE(std::isnan(f8_e4m3_to_float(float_to_f8_e4m3(500.0f))));
}

TEST(DTypeTest, ConvertsUnalignedMemoryBetweenAllFloatTypes) {
  const std::vector<float> values = {0.0f, -1.5f, 2.0f, 0.25f, -448.0f};
  for (const DType from : {DType::f32, DType::f64, DType::f16, DType::bf16, DType::f8_e4m3, DType::f8_e5m2})
    for (const DType to : {DType::f32, DType::f64, DType::f16, DType::bf16}) {
      std::vector<std::byte> source(values.size() * 8 + 1), target(values.size() * 8 + 1);
      convert(values.data(), DType::f32, source.data() + 1, from, values.size());
      convert(source.data() + 1, from, target.data() + 1, to, values.size());
      std::vector<float> back(values.size());
      convert(target.data() + 1, to, back.data(), DType::f32, values.size());
      EXPECT_EQ(back, values) << name_of(from) << " to " << name_of(to);
    }
  std::byte byte{};
  EXPECT_THROW(convert(&byte, DType::i8, &byte, DType::f32, 1), ArgumentError);
}

}  // namespace
}  // namespace sd35
