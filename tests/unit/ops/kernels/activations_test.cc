// Activations and conversions, element by element, against f64 and against core/dtype.h.
#include <cmath>

#include "tests/unit/ops/kernels/kernel_test.h"

namespace sd35::kernels {
namespace {

class ActivationsTest : public KernelTest {};
INSTANTIATE_TEST_SUITE_P(Levels, ActivationsTest, testing::ValuesIn(levels_of_this_cpu()), name_of_level);

constexpr double kRelativeError = 2e-6;
constexpr double kRoughError = 2e-4;  // before a result is rounded to bf16
constexpr Function kFunctions[] = {Function::identity,  Function::silu,       Function::gelu,
                                   Function::gelu_tanh, Function::quick_gelu, Function::relu};
constexpr const char* kNames[] = {"identity", "silu", "gelu", "gelu_tanh", "quick_gelu", "relu"};
const char* name_of(Function f) { return kNames[static_cast<std::size_t>(f)]; }

double twin(Function f, double x) {
  switch (f) {
    case Function::identity:
      return x;
    case Function::silu:
      return x / (1 + std::exp(-x));
    case Function::gelu:
      return 0.5 * x * std::erfc(-x / std::sqrt(2.0));
    case Function::gelu_tanh: {
      const double u =
          std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x);  // (1 + tanh(u)) / 2 keeps digits so:
      return x / (1 + std::exp(-2 * u));
    }
    case Function::quick_gelu:
      return x / (1 + std::exp(-1.702 * x));
    case Function::relu:
      return std::max(x, 0.0);
  }
  return std::nan("");
}

// Every binade from 2^-30 to 2^7, both signs, and a fine walk over where the functions bend.
std::vector<float> arguments() {
  std::vector<float> x{0.0f, -0.0f};
  for (int exponent = -30; exponent <= 7; ++exponent)
    for (int i = 0; i < 37; ++i)
      for (const float sign : {1.0f, -1.0f})
        x.push_back(sign * std::ldexp(1.0f + static_cast<float>(i) / 37.0f, exponent));
  for (int i = -20000; i <= 20000; ++i) x.push_back(static_cast<float>(i) * 7.3e-4f);
  return x;
}

TEST_P(ActivationsTest, AreWithinTheirBounds) {
  for (const Function f : kFunctions)
    for (const Element in : kElements)
      for (const Element out : kElements) {
        const Elements x(in, arguments());
        Elements y(out, x.count());
        row_kernels().activate(x.in(), y.out(), x.count(), f);
        Expected expected;
        for (std::int64_t i = 0; i < x.count(); ++i) {
          const double value = twin(f, x[i]);
          const double error = out == Element::f32 ? kRelativeError : kRoughError;
          expected.add(value, error * std::abs(value) + 2e-36);  // e^x ends at e^-87
        }
        expect_close(y, expected, name_of(f));
      }
}

TEST_P(ActivationsTest, OfAnyCount) {
  for (std::int64_t count = 0; count <= 67; ++count)
    for (const Function f : kFunctions) {
      const Elements gate = random_elements(Element::bf16, count, 1, 3.0f),
                     x = random_elements(Element::f32, count, 2);
      Elements y(Element::f32, count), gated(Element::f32, count);
      row_kernels().activate(gate.in(), y.out(), count, f);
      row_kernels().gated_activate(gate.in(), x.in(), gated.out(), count, f);
      Expected alone, product;
      for (std::int64_t i = 0; i < count; ++i) {
        const double value = twin(f, gate[i]);
        alone.add(value, kRelativeError * std::abs(value));
        product.add(value * x[i], kRelativeError * std::abs(value * x[i]));
      }
      expect_close(y, alone, name_of(f));
      expect_close(gated, product, name_of(f));
    }
}

TEST_P(ActivationsTest, OfTheEndsOfTheNumberLine) {
  const float inf = std::numeric_limits<float>::infinity(), largest = std::numeric_limits<float>::max();
  for (const Function f : kFunctions) {
    const Elements x(Element::f32, {std::nanf(""), inf, largest, 1e30f, -1e3f});
    Elements y(Element::f32, x.count());
    row_kernels().activate(x.in(), y.out(), x.count(), f);
    EXPECT_TRUE(std::isnan(y[0])) << name_of(f);
    EXPECT_EQ(y[1], inf) << name_of(f);
    EXPECT_EQ(y[2], largest) << name_of(f);
    EXPECT_EQ(y[3], 1e30f) << name_of(f);
    EXPECT_NEAR(y[4], f == Function::identity ? -1e3 : 0, 1e-34) << name_of(f);
  }
}

TEST_P(ActivationsTest, ConversionRoundsAsTheScalarOneDoes) {
  std::vector<float> values = arguments();
  std::mt19937 generator(1);
  for (int i = 0; i < 100000; ++i) {  // any bits: ties, subnormals, infinities, NaN
    const auto bits = static_cast<std::uint32_t>(generator()) & (i % 2 == 0 ? 0xffffffffu : 0xffff8000u);
    float value;
    std::memcpy(&value, &bits, sizeof(value));
    // The instruction treats subnormal f32 numbers as zero.
    if (std::isnan(value) || value == 0.0f || std::abs(value) >= 0x1p-126f) values.push_back(value);
  }
  const Elements x(Element::f32, values);
  Elements half(Element::bf16, x.count()), back(Element::f32, x.count());
  row_kernels().convert(x.in(), half.out(), x.count());
  row_kernels().convert(half.in(), back.out(), x.count());
  for (std::int64_t i = 0; i < x.count(); ++i) {
    const float expected = to_float(to_bf16(x[i]));
    ASSERT_TRUE(std::isnan(expected) ? std::isnan(half[i]) : half[i] == expected) << x[i];
    ASSERT_TRUE(std::isnan(expected) ? std::isnan(back[i]) : back[i] == expected) << x[i];
  }
}

TEST_P(ActivationsTest, WidensEveryStoredNumber) {
  const auto check = [](Stored type, DType dtype, auto first) {
    using Bits = decltype(first);
    const std::int64_t count = std::int64_t{1} << (8 * sizeof(Bits));
    std::vector<Bits> x(static_cast<std::size_t>(count));
    for (std::int64_t i = 0; i < count; ++i) x[static_cast<std::size_t>(i)] = static_cast<Bits>(i);
    std::vector<float> expected(static_cast<std::size_t>(count));
    sd35::convert(x.data(), dtype, expected.data(), DType::f32, x.size());
    for (const Element out : kElements)
      for (const std::int64_t part : {count, std::int64_t{131}}) {
        Elements y(out, part);
        row_kernels().widen(x.data(), type, y.out(), part);
        EXPECT_TRUE(y.guards_intact());
        for (std::int64_t i = 0; i < part; ++i) {
          const float e = expected[static_cast<std::size_t>(i)];
          const float value = out == Element::f32 ? e : to_float(to_bf16(e));
          ASSERT_TRUE(std::isnan(value) ? std::isnan(y[i]) : y[i] == value)
              << sd35::name_of(dtype) << " " << i << " became " << y[i] << ", not " << value;
        }
      }
  };
  check(Stored::f16, DType::f16, std::uint16_t{});
  check(Stored::f8_e4m3, DType::f8_e4m3, std::uint8_t{});
  check(Stored::f8_e5m2, DType::f8_e5m2, std::uint8_t{});
}

}  // namespace
}  // namespace sd35::kernels
