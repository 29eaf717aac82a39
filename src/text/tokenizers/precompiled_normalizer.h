// The precompiled character map of a SentencePiece model: a trie of texts and what replaces them.
// Applied as huggingface/tokenizers applies it (normalizers/precompiled.rs), a grapheme cluster at a time,
// which is not quite what SentencePiece itself does.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sd35 {

class PrecompiledNormalizer {
 public:
  // `map` is empty (nothing is replaced) or a trie and its texts. Throws FileError naming `location` when it
  // is malformed.
  PrecompiledNormalizer(std::string_view map, const std::string& location);

  std::u32string normalize(const std::u32string& text) const;

 private:
  // What replaces the shortest prefix of `text` that is in the map.
  std::optional<std::string_view> replacement(std::string_view text) const;

  std::vector<std::uint32_t> trie_;  // a double array (darts-clone)
  std::string texts_;                // each ends with a zero byte
};

}  // namespace sd35
