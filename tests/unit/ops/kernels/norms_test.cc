// Norms, sums and gated additions over rows, against the same in f64.
#include "tests/unit/ops/kernels/kernel_test.h"

namespace sd35::kernels {
namespace {

class NormsTest : public KernelTest {};
INSTANTIATE_TEST_SUITE_P(Levels, NormsTest, testing::ValuesIn(levels_of_this_cpu()), name_of_level);

constexpr std::int64_t kWidths[] = {1, 2, 3, 7, 8, 15, 16, 17, 31, 63, 64, 65, 333, 1536};
constexpr std::int64_t kRows = 3;

// Calls body(type of x, type of y, width) for all of them.
template <class Body>
void for_types_and_widths(Body body) {
  for (const Element x : kElements)
    for (const Element y : kElements)
      for (const std::int64_t width : kWidths) body(x, y, width);
}

std::string label(const char* kernel, Element x, Element y, std::int64_t width) {
  const auto name = [](Element e) { return e == Element::f32 ? " f32" : " bf16"; };
  return kernel + std::string(name(x)) + name(y) + " width " + std::to_string(width);
}

double at(const float* vector, std::int64_t i, double absent) {
  return vector != nullptr ? vector[i] : absent;
}

// Sums of `width` rounded terms are off by a random walk of roundings of their magnitude.
double roundings(std::int64_t width) {
  return kF32Rounding * (16 + 2 * std::sqrt(static_cast<double>(width)));
}

Expected layer_norm_twin(const Elements& x, std::int64_t width, const float* weight, double offset,
                         const float* bias, double eps) {
  Expected expected;
  for (std::int64_t first = 0; first < x.count(); first += width) {
    double mean = 0, variance = 0, largest = 0;
    for (std::int64_t i = 0; i < width; ++i) mean += x[first + i] / static_cast<double>(width);
    for (std::int64_t i = 0; i < width; ++i) {
      variance += (x[first + i] - mean) * (x[first + i] - mean) / static_cast<double>(width);
      largest = std::max<double>(largest, std::abs(x[first + i]));
    }
    const double inverse = 1 / std::sqrt(variance + eps);
    for (std::int64_t i = 0; i < width; ++i) {
      const double w = at(weight, i, 1 - offset) + offset, b = at(bias, i, 0);
      const double y = (x[first + i] - mean) * inverse * w + b;
      expected.add(y, roundings(width) * (largest * inverse * std::abs(w) + std::abs(b) + std::abs(y)));
    }
  }
  return expected;
}

TEST_P(NormsTest, LayerNorm) {
  for_types_and_widths([](Element in, Element out, std::int64_t width) {
    const Elements x = random_elements(in, kRows * width, 1, 2.0f, 0.7f);
    const std::vector<float> weight = random_floats(width, 2), bias = random_floats(width, 3);
    const auto check = [&](const float* w, float offset, const float* b) {
      Elements y(out, x.count());
      row_kernels().layer_norm(x.in(), y.out(), kRows, width, w, offset, b, 1e-5f);
      expect_close(y, layer_norm_twin(x, width, w, offset, b, 1e-5f), label("layer_norm", in, out, width));
    };
    check(nullptr, 0.0f, nullptr);
    check(weight.data(), 0.0f, nullptr);
    check(nullptr, 0.0f, bias.data());
    check(weight.data(), 1.0f, bias.data());
  });
}

TEST_P(NormsTest, LayerNormOfAMeanFarFromZero) {
  const std::int64_t width = 1536;
  const Elements x = random_elements(Element::f32, width, 1, 1.0f, 1000.0f);
  Elements y(Element::f32, width);
  row_kernels().layer_norm(x.in(), y.out(), 1, width, nullptr, 0.0f, nullptr, 1e-6f);
  expect_close(y, layer_norm_twin(x, width, nullptr, 0, nullptr, 1e-6f), "layer_norm around 1000");
}

TEST_P(NormsTest, RmsNorm) {
  for_types_and_widths([](Element in, Element out, std::int64_t width) {
    const Elements x = random_elements(in, kRows * width, 1, 2.0f);
    const std::vector<float> weight = random_floats(width, 2);
    for (const float* w : {static_cast<const float*>(nullptr), weight.data()}) {
      Elements y(out, x.count());
      row_kernels().rms_norm(x.in(), y.out(), kRows, width, w, 1e-6f);
      Expected expected;
      for (std::int64_t first = 0; first < x.count(); first += width) {
        double squares = 0;
        for (std::int64_t i = 0; i < width; ++i) squares += double{x[first + i]} * x[first + i];
        const double inverse = 1 / std::sqrt(squares / static_cast<double>(width) + 1e-6f);
        for (std::int64_t i = 0; i < width; ++i) {
          const double value = x[first + i] * inverse * at(w, i, 1);
          expected.add(value, roundings(width) * std::abs(value));
        }
      }
      expect_close(y, expected, label("rms_norm", in, out, width));
    }
  });
}

TEST_P(NormsTest, GatedAdd) {
  for_types_and_widths([](Element in, Element out, std::int64_t width) {
    const Elements y = random_elements(in, kRows * width, 1), before = random_elements(out, kRows * width, 2);
    const std::vector<float> gate = random_floats(width, 3);
    for (const float* g : {static_cast<const float*>(nullptr), gate.data()}) {
      Elements x = before;
      row_kernels().gated_add(x.out(), y.in(), kRows, width, g);
      Expected expected;
      for (std::int64_t i = 0; i < x.count(); ++i) {
        const double addend = at(g, i % width, 1) * y[i];
        expected.add(before[i] + addend, kF32Rounding * 2 * (std::abs(before[i]) + std::abs(addend)));
      }
      expect_close(x, expected, label("gated_add", out, in, width));
    }
  });
}

TEST_P(NormsTest, ScaleShift) {
  for_types_and_widths([](Element in, Element out, std::int64_t width) {
    const Elements x = random_elements(in, kRows * width, 1);
    const std::vector<float> scale = random_floats(width, 2), shift = random_floats(width, 3);
    Elements y(out, x.count());
    row_kernels().scale_shift(x.in(), y.out(), kRows, width, scale.data(), shift.data(), Function::silu);
    Expected expected;
    for (std::int64_t i = 0; i < x.count(); ++i) {
      const double product = double{x[i]} * scale[static_cast<std::size_t>(i % width)],
                   added = shift[static_cast<std::size_t>(i % width)], v = product + added;
      expected.add(v / (1 + std::exp(-v)), 8 * kF32Rounding * (std::abs(product) + std::abs(added)));
    }
    expect_close(y, expected, label("scale_shift", in, out, width));
  });
}

// The variance that the sums of channel `c` give.
double variance_of(double sum, double square, double pixels) {
  return square / pixels - (sum / pixels) * (sum / pixels);
}

TEST_P(NormsTest, ChannelSums) {
  for (const Element in : kElements)
    for (const std::int64_t channels : kWidths)
      for (const std::int64_t pixels : {1, 63, 64, 65, 333}) {
        const Elements x = random_elements(in, pixels * channels, 1);
        const std::vector<float> pivot = random_floats(channels, 2);
        std::vector<double> sums(static_cast<std::size_t>(channels), 1.0), squares(sums);
        row_kernels().channel_sums(x.in(), pixels, channels, pivot.data(), sums.data(), squares.data());
        for (std::int64_t c = 0; c < channels; ++c) {
          double sum = 1, magnitude = 1, square = 1;
          for (std::int64_t p = 0; p < pixels; ++p) {
            const double d = double{x[p * channels + c]} - pivot[static_cast<std::size_t>(c)];
            sum += d;
            magnitude += std::abs(d);
            square += d * d;
          }
          ASSERT_NEAR(sums[static_cast<std::size_t>(c)], sum, 32 * kF32Rounding * magnitude)
              << label("channel_sums", in, in, channels) << ", channel " << c << " over " << pixels;
          ASSERT_NEAR(squares[static_cast<std::size_t>(c)], square, 32 * kF32Rounding * square)
              << label("channel_sums", in, in, channels) << ", channel " << c << " over " << pixels;
        }
      }
}

TEST_P(NormsTest, ChannelSumsOfAMillionPixelsKeepSixDigits) {
  constexpr std::int64_t pixels = 1 << 20, channels = 3;
  const Elements x = random_elements(Element::f32, pixels * channels, 1, 1.0f, 1000.0f);
  std::vector<float> pivot{x[0], x[1], x[2]};
  std::vector<double> sums(channels), squares(channels);
  row_kernels().channel_sums(x.in(), pixels, channels, pivot.data(), sums.data(), squares.data());
  for (std::int64_t c = 0; c < channels; ++c) {
    double sum = 0, square = 0;
    for (std::int64_t p = 0; p < pixels; ++p) {
      const double d = double{x[p * channels + c]} - pivot[static_cast<std::size_t>(c)];
      sum += d;
      square += d * d;
    }
    const auto i = static_cast<std::size_t>(c);
    EXPECT_NEAR(sums[i] / pixels, sum / pixels, 1e-6) << "channel " << c;
    EXPECT_NEAR(variance_of(sums[i], squares[i], pixels), variance_of(sum, square, pixels), 1e-6)
        << "channel " << c;
  }
}

TEST_P(NormsTest, NanReachesTheResult) {
  for (const std::int64_t place : {0, 17, 20}) {
    constexpr std::int64_t width = 21;
    Elements x = random_elements(Element::f32, 2 * width, 1);
    x.set(width + place, std::nanf(""));
    Elements normed(Element::bf16, x.count()), rms(Element::f32, x.count()),
        sum = random_elements(Element::bf16, x.count(), 2);
    row_kernels().layer_norm(x.in(), normed.out(), 2, width, nullptr, 0.0f, nullptr, 1e-6f);
    row_kernels().rms_norm(x.in(), rms.out(), 2, width, nullptr, 1e-6f);
    row_kernels().gated_add(sum.out(), x.in(), 2, width, nullptr);
    for (std::int64_t i = 0; i < x.count(); ++i) {
      EXPECT_EQ(std::isnan(normed[i]), i >= width) << i;
      EXPECT_EQ(std::isnan(rms[i]), i >= width) << i;
      EXPECT_EQ(std::isnan(sum[i]), i == width + place) << i;
    }
  }
}

}  // namespace
}  // namespace sd35::kernels
