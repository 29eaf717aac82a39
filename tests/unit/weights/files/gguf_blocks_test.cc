#include "quant/gguf_blocks.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "tests/unit/weights/weight_files.h"
#include "weights/files/safetensors.h"

namespace sd35 {
namespace {

const StoredTensors& goldens() {
  static const StoredTensors tensors =
      read_safetensors(std::string(SD35_SOURCE_DIR) + "/tests/golden/gguf/blocks.safetensors").tensors;
  return tensors;
}

std::string named(BlockType type) { return std::string(name_of(type)); }

// The bits, so that -0 differs from 0 and NaN equals itself.
std::vector<std::uint32_t> bits_of(const std::vector<float>& values) {
  std::vector<std::uint32_t> bits(values.size());
  std::memcpy(bits.data(), values.data(), values.size() * sizeof(float));
  return bits;
}

class Blocks : public testing::TestWithParam<BlockType> {};

TEST_P(Blocks, DecodeToTheBitsOfTheReference) {
  const BlockType type = GetParam();
  const StoredTensor& blocks = goldens().at(named(type) + ".blocks");
  const std::vector<float> expected = floats_of(goldens().at(named(type) + ".values").read());
  ASSERT_EQ(blocks.bytes() / block_bytes(type) * block_elements(type), expected.size());
  std::vector<float> values(expected.size());
  dequantize_blocks(type, blocks.segments[0].data(), values.data(), values.size());
  EXPECT_EQ(bits_of(values), bits_of(expected));
}

INSTANTIATE_TEST_SUITE_P(All, Blocks, testing::ValuesIn(kBlockTypes),
                         [](const auto& info) { return named(info.param); });

class WrittenBlocks : public testing::TestWithParam<BlockType> {};

TEST_P(WrittenBlocks, AreTheReferences) {
  const BlockType type = GetParam();
  const std::vector<float> values = floats_of(goldens().at("quantize.values").read());
  const std::span<const std::byte> expected = goldens().at("quantize." + named(type)).segments[0];
  ASSERT_EQ(expected.size(), values.size() / block_elements(type) * block_bytes(type));
  std::vector<std::byte> blocks(expected.size());
  quantize_blocks(type, values.data(), blocks.data(), values.size());
  for (std::size_t i = 0; i < blocks.size(); ++i)
    ASSERT_EQ(blocks[i], expected[i])
        << "byte " << i % block_bytes(type) << " of block " << i / block_bytes(type);
}

TEST_P(WrittenBlocks, RefuseWhatTheyCannotHold) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), HUGE_VALF, -HUGE_VALF, 3e38f}) {
    std::vector<float> values(block_elements(GetParam()), 1.0f);
    values[3] = bad;
    std::vector<std::byte> block(block_bytes(GetParam()));
    EXPECT_THROW(quantize_blocks(GetParam(), values.data(), block.data(), values.size()), ArgumentError)
        << bad;
  }
}

TEST_P(WrittenBlocks, OfNumbersTooSmallForAScaleAreZero) {
  std::vector<float> values(block_elements(GetParam()), 1e-42f), decoded(values.size(), 1.0f);
  std::vector<std::byte> block(block_bytes(GetParam()));
  quantize_blocks(GetParam(), values.data(), block.data(), values.size());
  dequantize_blocks(GetParam(), block.data(), decoded.data(), decoded.size());
  EXPECT_EQ(decoded, std::vector<float>(values.size(), 0.0f));
}

INSTANTIATE_TEST_SUITE_P(All, WrittenBlocks,
                         testing::Values(BlockType::q4_0, BlockType::q4_1, BlockType::q5_0, BlockType::q5_1,
                                         BlockType::q8_0),
                         [](const auto& info) { return named(info.param); });

TEST(Blocks, OfKTypesAreNotWritten) {
  for (const BlockType type : kBlockTypes) {
    const std::vector<float> values(block_elements(type));
    std::vector<std::byte> block(block_bytes(type));
    if (can_quantize(type))
      EXPECT_NO_THROW(quantize_blocks(type, values.data(), block.data(), values.size()));
    else
      EXPECT_THROW(quantize_blocks(type, values.data(), block.data(), values.size()), Error);
  }
}

}  // namespace
}  // namespace sd35
