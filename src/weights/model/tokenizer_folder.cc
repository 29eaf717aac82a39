#include "weights/model/tokenizer_folder.h"

#include <vector>

namespace sd35 {
namespace {

namespace fs = std::filesystem;

bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

// The first of the kind's own files that is not there; empty when all are.
std::string missing_own_file(TokenizerKind kind, const fs::path& folder) {
  const std::vector<const char*> names = kind == TokenizerKind::t5
                                             ? std::vector<const char*>{"spiece.model"}
                                             : std::vector<const char*>{"vocab.json", "merges.txt"};
  for (const char* name : names)
    if (!is_there(folder / name)) return name;
  return "";
}

}  // namespace

TokenizerForm tokenizer_form(TokenizerKind kind, const fs::path& folder) {
  if (missing_own_file(kind, folder).empty()) return TokenizerForm::own_files;
  return is_there(folder / kTokenizerJson) ? TokenizerForm::tokenizer_json : TokenizerForm::none;
}

std::string missing_tokenizer_file(TokenizerKind kind, const fs::path& folder, const fs::path& shown) {
  if (tokenizer_form(kind, folder) != TokenizerForm::none) return "";
  return (shown / missing_own_file(kind, folder)).string() + " (or " + (shown / kTokenizerJson).string() +
         ")";
}

}  // namespace sd35
