#include "text/tokenizers/precompiled_normalizer.h"

#include <cstring>

#include "core/error.h"
#include "text/tokenizers/unicode.h"

namespace sd35 {
namespace {

// A unit of a darts-clone double array.
bool has_leaf(std::uint32_t unit) { return ((unit >> 8) & 1) != 0; }
std::uint32_t value_of(std::uint32_t unit) { return unit & 0x7fffffffu; }
std::uint32_t label_of(std::uint32_t unit) { return unit & 0x800000ffu; }
std::uint32_t offset_of(std::uint32_t unit) { return (unit >> 10) << ((unit & 0x200u) >> 6); }

}  // namespace

PrecompiledNormalizer::PrecompiledNormalizer(std::string_view map, const std::string& location) {
  if (map.empty()) return;
  std::uint32_t trie_bytes = 0;
  if (map.size() < sizeof(trie_bytes))
    throw FileError(location + ": the normalizer's character map is cut short", {}, location);
  std::memcpy(&trie_bytes, map.data(), sizeof(trie_bytes));
  map.remove_prefix(sizeof(trie_bytes));
  if (trie_bytes > map.size() || trie_bytes % 4 != 0 || trie_bytes == 0)
    throw FileError(location + ": the normalizer's character map is malformed", {}, location);
  trie_.resize(trie_bytes / 4);
  std::memcpy(trie_.data(), map.data(), trie_bytes);
  texts_ = map.substr(trie_bytes);
  if (texts_.empty() || texts_.back() != '\0') texts_ += '\0';
}

std::optional<std::string_view> PrecompiledNormalizer::replacement(std::string_view text) const {
  if (trie_.empty()) return std::nullopt;
  std::uint64_t position = offset_of(trie_[0]);
  for (const char c : text) {
    const auto byte = static_cast<std::uint8_t>(c);
    position ^= byte;
    if (byte == 0 || position >= trie_.size() || label_of(trie_[position]) != byte) return std::nullopt;
    const std::uint32_t unit = trie_[position];
    position ^= offset_of(unit);
    if (!has_leaf(unit)) continue;
    if (position >= trie_.size()) return std::nullopt;
    const std::uint32_t at = value_of(trie_[position]);
    if (at >= texts_.size()) return std::nullopt;
    return std::string_view(texts_.c_str() + at);
  }
  return std::nullopt;
}

std::u32string PrecompiledNormalizer::normalize(const std::u32string& text) const {
  // The reference looks up a whole cluster only when it is this short.
  constexpr std::size_t longest_cluster = 5;
  std::string result;
  std::size_t begin = 0;
  for (const std::size_t end : unicode::grapheme_ends(text)) {
    const std::u32string_view cluster = std::u32string_view(text).substr(begin, end - begin);
    begin = end;
    const std::string bytes = unicode::encode(cluster);
    if (bytes.size() <= longest_cluster) {
      if (const auto whole = replacement(bytes)) {
        result += *whole;
        continue;
      }
    }
    for (const char32_t c : cluster) {
      std::string one;
      unicode::append_utf8(one, c);
      result += replacement(one).value_or(one);
    }
  }
  // A malformed map could insert anything.
  try {
    return unicode::decode(result);
  } catch (const ArgumentError&) {
    throw FileError("the tokenizer's character map replaces text with bytes that are not UTF-8");
  }
}

}  // namespace sd35
