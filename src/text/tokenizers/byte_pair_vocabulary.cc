#include "text/tokenizers/byte_pair_vocabulary.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/config_file.h"
#include "core/error.h"
#include "core/file_kind.h"
#include "core/file_reader.h"
#include "core/messages.h"
#include "text/tokenizers/tokenizer_files.h"

namespace sd35 {
namespace {}  // namespace

std::vector<std::string> tokens_by_id(const nlohmann::json& vocabulary, const std::string& location) {
  std::vector<std::string> tokens(vocabulary.size());
  std::vector<bool> seen(vocabulary.size());
  for (const auto& [token, id] : vocabulary.items()) {
    if (!id.is_number_integer() || id < 0 || id >= vocabulary.size())
      throw FileError(location + ": the id of " + in_quotes(token) + " is not a number from 0 to " +
                          std::to_string(vocabulary.size() - 1),
                      {}, location);
    const auto index = id.get<std::size_t>();
    if (seen[index])
      throw FileError(location + ": two tokens have the id " + std::to_string(index), {}, location);
    seen[index] = true;
    tokens[index] = token;
  }
  if (tokens.empty()) throw FileError(location + ": the vocabulary is empty", {}, location);
  return tokens;
}

BytePairVocabulary read_vocab_and_merges(const std::filesystem::path& folder) {
  const std::filesystem::path vocabulary = folder / "vocab.json", merges = folder / "merges.txt";
  BytePairVocabulary result;
  result.tokens_location = vocabulary.string();
  result.merges_location = merges.string();
  result.tokens = tokens_by_id(read_json_file(vocabulary, kLargestTokenizerFile), vocabulary.string());
  if (const std::string kind = file_kind(merges); !kind.empty() && !kind.starts_with("text"))
    throw FileError(merges.string() + ": not a list of merges; it is " + kind, {}, merges);
  for_each_line(merges, kLargestTokenizerFile, [&](std::int64_t number, std::string_view line) {
    if (line.empty() || (number == 1 && line.starts_with("#version"))) return;
    const std::size_t space = std::min(line.find(' '), line.size());
    result.merges.emplace_back(line.substr(0, space), line.substr(std::min(space + 1, line.size())));
  });
  return result;
}

}  // namespace sd35
