#include "quant/nf4.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "core/error.h"
#include "weights/files/safetensors.h"

namespace sd35 {
namespace {

Tensor golden(const std::string& name) {
  static const SafetensorsFile file =
      read_safetensors(std::string(SD35_SOURCE_DIR) + "/tests/golden/quant/weights.safetensors");
  return file.tensors.at(name).read().clone();
}

std::span<const float> floats_of(const Tensor& tensor) { return tensor.floats(); }

template <class T>
std::vector<T> elements(const Tensor& tensor) {
  return {tensor.data<T>(), tensor.data<T>() + tensor.numel()};
}

TEST(Nf4, CodeBookAndMapAreTheReferences) {
  const Tensor code = golden("nf4_code"), map = golden("dynamic_map");
  EXPECT_EQ(elements<float>(code), std::vector(nf4_code_book().begin(), nf4_code_book().end()));
  EXPECT_EQ(elements<float>(map), std::vector(dynamic_map().begin(), dynamic_map().end()));
}

class Nf4Values : public testing::TestWithParam<const char*> {
 protected:
  Tensor values() const { return golden(GetParam()).to(DType::f32); }
  Tensor expected(const std::string& name) const { return golden(std::string(GetParam()) + "." + name); }
};
INSTANTIATE_TEST_SUITE_P(All, Nf4Values, testing::Values("plain", "tail", "edge"),
                         [](const auto& test) { return std::string(test.param); });

TEST_P(Nf4Values, QuantizedAsByTheReference) {
  const FourBitWeight weight = quantize_nf4(floats_of(values()), false);
  EXPECT_EQ(elements<std::uint8_t>(weight.nibbles), elements<std::uint8_t>(expected("nf4.packed")));
  EXPECT_EQ(elements<float>(weight.absmax), elements<float>(expected("nf4.absmax")));
}

TEST_P(Nf4Values, QuantizedTwiceAsByTheReference) {
  const FourBitWeight weight = quantize_nf4(floats_of(values()), true);
  ASSERT_TRUE(weight.nested);
  EXPECT_EQ(elements<std::uint8_t>(weight.nibbles), elements<std::uint8_t>(expected("nf4-dq.packed")));
  EXPECT_FLOAT_EQ(weight.nested->offset, expected("nf4-dq.offset").data<float>()[0]);
  EXPECT_EQ(elements<std::uint8_t>(weight.absmax), elements<std::uint8_t>(expected("nf4-dq.absmax")));
  EXPECT_EQ(elements<float>(weight.nested->absmax), elements<float>(expected("nf4-dq.nested_absmax")));
  std::vector<float> decoded(static_cast<std::size_t>(weight.count));
  weight.decode(0, weight.count, decoded.data());
  EXPECT_EQ(decoded, elements<float>(expected("nf4-dq.values")));
}

TEST_P(Nf4Values, DecodesAnyRange) {
  const FourBitWeight weight = quantize_nf4(floats_of(values()), false);
  std::vector<float> all(static_cast<std::size_t>(weight.count)), part(80);
  weight.decode(0, weight.count, all.data());
  for (const std::int64_t first : {0, 1, 31, 50}) {
    weight.decode(first, 80, part.data());
    EXPECT_EQ(part, std::vector(all.begin() + first, all.begin() + first + 80)) << first;
  }
}

TEST_P(Nf4Values, QuantizesWhatItDecodedToTheSame) {
  const FourBitWeight weight = quantize_nf4(floats_of(values()), false);
  std::vector<float> decoded(static_cast<std::size_t>(weight.count)), again = decoded;
  weight.decode(0, weight.count, decoded.data());
  const FourBitWeight second = quantize_nf4(decoded, false);
  second.decode(0, weight.count, again.data());
  EXPECT_EQ(decoded, again);
}

TEST(Nf4, RefusesWhatHasNoValue) {
  for (const float bad : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    std::vector<float> values(100, 0.5f);
    values[70] = bad;
    EXPECT_THROW(quantize_nf4(values, true), ArgumentError);
  }
}

TEST(Nf4, NothingIsQuantizedToNothing) {
  const FourBitWeight weight = quantize_nf4({}, true);
  EXPECT_EQ(weight.nibbles.numel(), 0);
  EXPECT_EQ(weight.blocks(), 0);
}

}  // namespace
}  // namespace sd35
