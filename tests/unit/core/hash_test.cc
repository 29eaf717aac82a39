#include <gtest/gtest.h>

#include <bit>
#include <set>

#include "core/hash128.h"

namespace sd35 {
namespace {

TEST(Hash128, PiecesMakeTheSameHash) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += static_cast<char>(i * 7);
  for (const std::size_t size : {0, 1, 63, 64, 65, 128, 200, 1000})
    for (const std::size_t piece : {1, 3, 64, 100}) {
      Hasher128 hasher;
      for (std::size_t at = 0; at < size; at += piece)
        hasher.add(text.substr(at, std::min(piece, size - at)));
      EXPECT_EQ(hasher.digest(), hash128(text.substr(0, size))) << size << " " << piece;
    }
}

TEST(Hash128, LengthsOfZerosDiffer) {
  std::set<std::string> seen;
  for (std::size_t size = 0; size < 300; ++size) seen.insert(hash128(std::string(size, '\0')).hex());
  EXPECT_EQ(seen.size(), 300u);
  EXPECT_EQ(hash128("").hex().size(), 32u);
}

TEST(Hash128, AFlippedBitChangesHalfOfTheHash) {
  std::string text(777, '\0');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * i);
  const Hash128 hash = hash128(text);
  double flipped = 0;
  int least = 128;
  for (std::size_t bit = 0; bit < text.size() * 8; ++bit) {
    text[bit / 8] = static_cast<char>(text[bit / 8] ^ (1 << bit % 8));
    const Hash128 other = hash128(text);
    text[bit / 8] = static_cast<char>(text[bit / 8] ^ (1 << bit % 8));
    const int bits = std::popcount(hash.high ^ other.high) + std::popcount(hash.low ^ other.low);
    least = std::min(least, bits);
    flipped += bits;
  }
  EXPECT_NEAR(flipped / static_cast<double>(text.size() * 8), 64, 1);
  EXPECT_GT(least, 32);
}

TEST(Hash128, SwappedWordsAndTwoChangesAreNoticed) {
  std::set<std::string> seen;
  std::string text(512, '\0');
  int count = 0;
  // All pairs of single bits in neighbouring and distant words, as floats that change sign would.
  for (std::size_t a = 3; a < text.size(); a += 4)
    for (std::size_t b = a + 4; b < text.size(); b += 4, ++count) {
      std::string changed = text;
      changed[a] = changed[b] = '\x80';
      seen.insert(hash128(changed).hex());
    }
  EXPECT_EQ(seen.size(), static_cast<std::size_t>(count));
}

}  // namespace
}  // namespace sd35
