// What a person should know about a prompt before it is drawn.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <vector>

#include "core/location.h"
#include "sd35/sd35.h"

namespace sd35 {

// What a model says of the prompts it was trained on, in its sd35.json: `words`, in lower case, and
// `letters`, the characters it can write on signs. Both are empty where the model does not say.
struct PromptVocabulary {
  std::set<std::string, std::less<>> words;
  std::string letters;

  // Throws FileError that begins with `location`.
  static PromptVocabulary from_json(const nlohmann::json& extras, const Location& location);
};

// Words of `text` that are not in the vocabulary, as they are written. Small and capital letters, plural and
// possessive forms are the same word. What is to be written on something, in quotes or after "reads", "says"
// and the like, is listed only where it holds a character that the model cannot write.
std::vector<std::string> unknown_words(const std::string& text, const PromptVocabulary& vocabulary);

// Warns of unknown words, and of what other programs treat as instructions and this one draws as text:
// <lora:name:0.8>, (word:1.3).
void warn_of_prompts(const GenerateOptions& options, const PromptVocabulary& vocabulary,
                     const Callbacks& callbacks);

}  // namespace sd35
