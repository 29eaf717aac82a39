// What a tokenizer makes of a text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace sd35 {

struct Tokenized {
  std::vector<std::int32_t> ids;  // exactly the length asked for: cut or padded, the end of text kept
  std::size_t tokens = 0;         // of the whole text, start and end included
  std::string truncated;          // the text of the tokens that were cut; empty if everything fitted
};

}  // namespace sd35
