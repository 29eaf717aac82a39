// Learning the merges of a byte-level BPE vocabulary from counted words.
// Reference: Sennrich et al. 2016 (arXiv 1508.07909), algorithm 1.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace sd35 {

// How often each word occurs, words in bytes.
using WordCounts = std::map<std::string, std::int64_t>;

// A merge of two symbols, as vocab.json spells them ("t" and "he</w>").
using SymbolPair = std::pair<std::string, std::string>;

// At most `count` merges in the order they are learned, each of the pair of neighbours that is most frequent
// by then; of equals the first in the order of their bytes. Fewer when every word has become one symbol.
std::vector<SymbolPair> learn_merges(const WordCounts& words, std::size_t count);

// The symbols of all bytes: the printable ones, then the others, as CLIP's vocabulary orders them.
std::vector<std::string> byte_symbols();

}  // namespace sd35
