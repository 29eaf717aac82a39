#include "text/tokenizers/byte_pair_trainer.h"

#include <queue>
#include <unordered_map>
#include <unordered_set>

#include "text/tokenizers/byte_pair_encoding.h"
#include "text/tokenizers/unicode.h"

namespace sd35 {
namespace {

using OnProgress = std::function<void(double)>;

std::string symbol_text(char byte) {
  return unicode::encode(std::u32string(1, symbol_of_byte(static_cast<std::uint8_t>(byte))));
}

class MergeLearner {
 public:
  MergeLearner(const WordCounts& words, const OnProgress& on_progress) {
    for (const auto& [bytes, count] : words) {
      if (on_progress) on_progress(0);
      if (bytes.empty()) continue;
      Word word{{}, count};
      for (std::size_t i = 0; i < bytes.size(); ++i)
        word.symbols.push_back(id_of(symbol_text(bytes[i]) + (i + 1 == bytes.size() ? "</w>" : "")));
      words_.push_back(std::move(word));
    }
    for (std::size_t i = 0; i < words_.size(); ++i) {
      if (on_progress) on_progress(0);
      count_pairs(i, 1);
    }
    for (const auto& [pair, statistics] : pairs_) candidates_.push({statistics.count, pair, this});
    touched_.clear();
  }

  // The next merge; false when there is none.
  bool next(SymbolPair& merge) {
    while (!candidates_.empty()) {
      const Candidate best = candidates_.top();
      candidates_.pop();
      const auto found = pairs_.find(best.pair);
      if (found == pairs_.end() || found->second.count != best.count) continue;  // has changed since
      merge = {texts_[left_of(best.pair)], texts_[right_of(best.pair)]};
      apply(best.pair);
      return true;
    }
    return false;
  }

 private:
  using Pair = std::uint64_t;  // left symbol, right symbol
  struct Word {
    std::vector<std::uint32_t> symbols;
    std::int64_t count;
  };
  struct Statistics {
    std::int64_t count = 0;
    std::unordered_set<std::size_t> words;  // that hold it, or did
  };
  struct Candidate {
    std::int64_t count;
    Pair pair;
    const MergeLearner* learner;
    bool operator<(const Candidate& other) const {
      if (count != other.count) return count < other.count;
      const auto& texts = learner->texts_;
      const std::string &left = texts[left_of(pair)], &other_left = texts[left_of(other.pair)];
      if (left != other_left) return left > other_left;
      return texts[right_of(pair)] > texts[right_of(other.pair)];
    }
  };

  static std::size_t left_of(Pair pair) { return pair >> 32; }
  static std::size_t right_of(Pair pair) { return pair & 0xffffffffu; }

  std::uint32_t id_of(const std::string& text) {
    const auto [found, is_new] = ids_.try_emplace(text, static_cast<std::uint32_t>(texts_.size()));
    if (is_new) texts_.push_back(text);
    return found->second;
  }

  // Adds the pairs of a word to the statistics (`sign` 1) or takes them out (-1).
  void count_pairs(std::size_t index, int sign) {
    const Word& word = words_[index];
    for (std::size_t i = 0; i + 1 < word.symbols.size(); ++i) {
      const Pair pair = Pair{word.symbols[i]} << 32 | word.symbols[i + 1];
      Statistics& statistics = pairs_[pair];
      statistics.count += sign * word.count;
      if (sign > 0) statistics.words.insert(index);
      touched_.insert(pair);
    }
  }

  void apply(Pair pair) {
    const auto left = static_cast<std::uint32_t>(left_of(pair)),
               right = static_cast<std::uint32_t>(right_of(pair));
    const std::uint32_t merged = id_of(texts_[left] + texts_[right]);
    const std::unordered_set<std::size_t> holders = std::move(pairs_[pair].words);
    for (const std::size_t index : holders) {
      count_pairs(index, -1);
      std::vector<std::uint32_t>& symbols = words_[index].symbols;
      std::size_t kept = 0;
      for (std::size_t i = 0; i < symbols.size(); ++i) {
        const bool merges = i + 1 < symbols.size() && symbols[i] == left && symbols[i + 1] == right;
        symbols[kept++] = merges ? merged : symbols[i];
        if (merges) ++i;
      }
      symbols.resize(kept);
      count_pairs(index, 1);
    }
    for (const Pair changed : touched_) {
      const auto found = pairs_.find(changed);
      if (found->second.count == 0)
        pairs_.erase(found);
      else
        candidates_.push({found->second.count, changed, this});
    }
    touched_.clear();
  }

  std::vector<Word> words_;
  std::vector<std::string> texts_;  // of the symbols
  std::unordered_map<std::string, std::uint32_t> ids_;
  std::unordered_map<Pair, Statistics> pairs_;
  std::unordered_set<Pair> touched_;  // since the candidates were last brought up to date
  std::priority_queue<Candidate> candidates_;
};

}  // namespace

std::vector<SymbolPair> learn_merges(const WordCounts& words, std::size_t count,
                                     const OnProgress& on_progress) {
  MergeLearner learner(words, on_progress);
  std::vector<SymbolPair> merges;
  for (SymbolPair merge; merges.size() < count && learner.next(merge);) {
    merges.push_back(merge);
    if (on_progress) on_progress(static_cast<double>(merges.size()) / static_cast<double>(count));
  }
  return merges;
}

std::vector<std::string> byte_symbols() {
  std::vector<std::string> printable, others;
  for (int byte = 0; byte < 256; ++byte) {
    const auto value = static_cast<std::uint8_t>(byte);
    (symbol_of_byte(value) < 0x100 ? printable : others).push_back(symbol_text(static_cast<char>(value)));
  }
  printable.insert(printable.end(), others.begin(), others.end());
  return printable;
}

}  // namespace sd35
