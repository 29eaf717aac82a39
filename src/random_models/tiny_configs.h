// The configurations of the tiny random model: every kind of layer of the real one at the smallest size that
// keeps its irregularities (three encoders of different widths, dual and plain blocks, a last block without a
// text output), as the diffusers layout stores them.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace sd35 {

// Rows of the embedding tables, from the tokenizers that go with the model.
struct VocabularySizes {
  std::int64_t clip = 0;
  std::int64_t t5 = 0;
};

// Every JSON file of the layout below the model's folder, "transformer/config.json" and so on; the end of
// text of CLIP is its last token.
std::map<std::string, nlohmann::ordered_json> tiny_configs(const VocabularySizes& vocabulary);

}  // namespace sd35
