// What a byte-level BPE is made of, as its files give it.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

namespace sd35 {

// A merge of two symbols, as vocab.json spells them ("t" and "he</w>").
using SymbolPair = std::pair<std::string, std::string>;

struct BytePairVocabulary {
  std::vector<std::string> tokens;               // by id
  std::vector<SymbolPair> merges;                // by rank
  std::string tokens_location, merges_location;  // for messages
};

// The tokens of a JSON object from text to id by their ids. Throws FileError naming `location` where these
// are not 0 to n - 1, each once.
std::vector<std::string> tokens_by_id(const nlohmann::json& vocabulary, const std::string& location);

// Reads `folder`/vocab.json and `folder`/merges.txt. Throws FileError naming the file.
BytePairVocabulary read_vocab_and_merges(const std::filesystem::path& folder);

}  // namespace sd35
