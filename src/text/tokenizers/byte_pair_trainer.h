// Learning the merges of a byte-level BPE vocabulary from counted words.
// Reference: Sennrich et al. 2016 (arXiv 1508.07909), algorithm 1.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "text/tokenizers/byte_pair_vocabulary.h"

namespace sd35 {

// How often each word occurs, words in bytes.
using WordCounts = std::map<std::string, std::int64_t>;

// At most `count` merges in the order they are learned, each of the pair of neighbours that is then most
// frequent; of equals the first in the order of their bytes. Fewer when every word has become one symbol.
// `on_progress`, if set, is called between words and merges and may throw to stop.
std::vector<SymbolPair> learn_merges(const WordCounts& words, std::size_t count,
                                     const std::function<void(double fraction)>& on_progress = {});

// The symbols of all bytes: the printable ones, then the others, as CLIP's vocabulary orders them.
std::vector<std::string> byte_symbols();

}  // namespace sd35
