#include "text/tokenizers/byte_pair_encoding.h"

#include <algorithm>
#include <array>
#include <queue>

#include "core/error.h"
#include "core/messages.h"
#include "text/tokenizers/unicode.h"

namespace sd35 {
namespace {

constexpr std::string_view kEndOfWord = "</w>";

std::uint64_t pair_of(std::int32_t left, std::int32_t right) {
  return static_cast<std::uint64_t>(left) << 32 | static_cast<std::uint32_t>(right);
}

std::array<char32_t, 256> symbols_of_bytes() {
  std::array<char32_t, 256> symbols{};
  char32_t next = 0x100;
  for (int byte = 0; byte < 256; ++byte) {
    const bool printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    symbols[static_cast<std::size_t>(byte)] = printable ? static_cast<char32_t>(byte) : next++;
  }
  return symbols;
}

}  // namespace

char32_t symbol_of_byte(std::uint8_t byte) {
  static const std::array<char32_t, 256> symbols = symbols_of_bytes();
  return symbols[byte];
}

BytePairEncoding::BytePairEncoding(BytePairVocabulary vocabulary)
    : tokens_(std::move(vocabulary.tokens)), location_(std::move(vocabulary.merges_location)) {
  for (std::size_t id = 0; id < tokens_.size(); ++id) ids_[tokens_[id]] = static_cast<std::int32_t>(id);
  std::int32_t rank = 0;
  for (const auto& [left, right] : vocabulary.merges) {
    const std::int32_t a = id_of(left), b = id_of(right), result = id_of(left + right);
    if (a < 0 || b < 0 || result < 0)
      throw FileError(location_ + ": merge " + std::to_string(rank + 1) + ", " +
                          in_quotes(left + " " + right) + ", is not two tokens of " +
                          vocabulary.tokens_location + " that make a third",
                      {}, location_);
    merges_.try_emplace(pair_of(a, b), Merge{rank++, result});
  }
}

void BytePairEncoding::check_complete(const std::vector<AddedToken>& added) const {
  std::vector<bool> known(tokens_.size());
  for (int byte = 0; byte < 256; ++byte) {
    std::string symbol;
    unicode::append_utf8(symbol, symbol_of_byte(static_cast<std::uint8_t>(byte)));
    for (const std::string& token : {symbol, symbol.append(kEndOfWord)}) {
      const std::int32_t id = id_of(token);
      if (id < 0) return;
      known[static_cast<std::size_t>(id)] = true;
    }
  }
  for (const auto& [pair, merge] : merges_) known[static_cast<std::size_t>(merge.result)] = true;
  for (const AddedToken& token : added)
    if (const std::int32_t id = id_of(token.content); id >= 0) known[static_cast<std::size_t>(id)] = true;
  const auto unmade = std::ranges::find(known, false);
  if (unmade == known.end()) return;
  const auto count = std::ranges::count(known, false);
  throw FileError(location_ + ": no merge makes " +
                      in_quotes(tokens_[static_cast<std::size_t>(unmade - known.begin())]) +
                      (count > 1 ? " and " + std::to_string(count - 1) + " other tokens" : "") +
                      " of the vocabulary; the file is cut short, or belongs to another vocabulary",
                  {}, location_);
}

std::int32_t BytePairEncoding::id_of(const std::string& token) const {
  const auto it = ids_.find(token);
  return it == ids_.end() ? -1 : it->second;
}

std::vector<std::int32_t> BytePairEncoding::encode(std::string_view word, std::int32_t unknown) const {
  std::vector<std::int32_t> symbols;
  for (std::size_t i = 0; i < word.size(); ++i) {
    std::string symbol;
    unicode::append_utf8(symbol, symbol_of_byte(static_cast<std::uint8_t>(word[i])));
    if (i + 1 == word.size()) symbol += kEndOfWord;
    const std::int32_t id = id_of(symbol);
    symbols.push_back(id < 0 ? unknown : id);
  }
  merge(symbols);
  return symbols;
}

void BytePairEncoding::merge(std::vector<std::int32_t>& symbols) const {
  // A list of the symbols that are left, and the merges that were possible when they were seen: the best rank
  // first, the leftmost of equals.
  struct Candidate {
    std::int32_t rank;
    std::int32_t position;
    std::int32_t left, right, result;
    bool operator>(const Candidate& other) const {
      return rank != other.rank ? rank > other.rank : position > other.position;
    }
  };
  const auto count = static_cast<std::int32_t>(symbols.size());
  std::vector<std::int32_t> next(symbols.size()), previous(symbols.size());
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> candidates;
  const auto consider = [&](std::int32_t position) {
    if (position < 0 || next[position] >= count) return;
    const auto it = merges_.find(pair_of(symbols[position], symbols[next[position]]));
    if (it != merges_.end())
      candidates.push(
          {it->second.rank, position, symbols[position], symbols[next[position]], it->second.result});
  };
  for (std::int32_t i = 0; i < count; ++i) {
    next[i] = i + 1;
    previous[i] = i - 1;
  }
  for (std::int32_t i = 0; i + 1 < count; ++i) consider(i);

  constexpr std::int32_t gone = -1;
  while (!candidates.empty()) {
    const Candidate c = candidates.top();
    candidates.pop();
    const std::int32_t right = next[c.position];
    if (symbols[c.position] != c.left || right >= count || symbols[right] != c.right) continue;
    symbols[c.position] = c.result;
    symbols[right] = gone;
    next[c.position] = next[right];
    if (next[right] < count) previous[next[right]] = c.position;
    consider(previous[c.position]);
    consider(c.position);
  }
  std::erase(symbols, gone);
}

std::string BytePairEncoding::text_of(std::int32_t id) const {
  static const std::unordered_map<char32_t, char> bytes = [] {
    std::unordered_map<char32_t, char> map;
    for (int byte = 0; byte < 256; ++byte)
      map[symbol_of_byte(static_cast<std::uint8_t>(byte))] = static_cast<char>(byte);
    return map;
  }();
  std::string_view token = tokens_.at(static_cast<std::size_t>(id));
  const bool ends_word = token.ends_with(kEndOfWord);
  if (ends_word) token.remove_suffix(kEndOfWord.size());
  std::string text;
  for (const char32_t c : unicode::decode(token))
    if (const auto it = bytes.find(c); it != bytes.end()) text += it->second;
  return ends_word ? text + ' ' : text;
}

}  // namespace sd35
