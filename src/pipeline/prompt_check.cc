#include "pipeline/prompt_check.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <string_view>

#include "core/error.h"
#include "core/messages.h"
#include "core/progress.h"
#include "core/text_words.h"
#include "sampling/guidance.h"

namespace sd35 {
namespace {

// What follows these words is to be written.
constexpr std::array<std::string_view, 14> kWritten{"reads",  "read",   "reading",  "says",    "say",
                                                    "saying", "spells", "spelling", "spelled", "word",
                                                    "words",  "text",   "labeled",  "labelled"};
// But not after "a dog reading a ...".
constexpr std::array<std::string_view, 7> kArticles{"a", "an", "the", "his", "her", "its", "their"};
constexpr std::string_view kEnds = ".,;:!?\n\"";
constexpr std::string_view kBlanks = " \t\r\n";

template <class List>
bool is_one_of(const List& list, std::string_view word) {
  return std::ranges::find(list, word) != list.end();
}

// Typographic quotes, dashes and spaces replaced by ASCII's.
std::string with_plain_punctuation(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, char>, 12> kPlain{{{"\u201c", '"'},
                                                                      {"\u201d", '"'},
                                                                      {"\u201e", '"'},
                                                                      {"\u00ab", '"'},
                                                                      {"\u00bb", '"'},
                                                                      {"\u2018", '\''},
                                                                      {"\u2019", '\''},
                                                                      {"\u2013", '-'},
                                                                      {"\u2014", '-'},
                                                                      {"\u2026", '.'},
                                                                      {"\u00a0", ' '},
                                                                      {"\u3000", ' '}}};
  std::string plain;
  for (std::size_t i = 0; i < text.size();) {
    const auto mark =
        std::ranges::find_if(kPlain, [&](const auto& m) { return text.substr(i).starts_with(m.first); });
    plain += mark == kPlain.end() ? text[i] : mark->second;
    i += mark == kPlain.end() ? 1 : mark->first.size();
  }
  return plain;
}

// Where the quotation that begins with `text` ends; npos if it does not begin with one. `before`: the
// preceding character.
std::size_t end_of_quotation(std::string_view text, char before) {
  if (text[0] == '"') return std::min(text.find('"', 1), text.size());
  // An apostrophe may stand inside of a word, or at its end; a quotation in single ones is short.
  constexpr std::size_t kLongest = 200;
  if (text[0] != '\'' || kBlanks.find(before) == kBlanks.npos) return text.npos;
  const std::string_view within = text.substr(0, kLongest);
  for (std::size_t end = within.find('\'', 1); end != within.npos; end = within.find('\'', end + 1))
    if (word_at_start(text.substr(end + 1)).empty()) return end;
  return text.npos;
}

// The instruction of the form <lora:name:weight> that `text` begins with; empty if it begins with none.
std::string_view lora_tag_at_start(std::string_view text) {
  constexpr std::size_t kLongest = 500;
  for (const std::string_view kind : {"<lora:", "<lyco:", "<hypernet:"})
    if (text.starts_with(kind))
      if (const std::size_t end = text.substr(0, kLongest).find('>'); end != text.npos)
        return text.substr(0, end + 1);
  return {};
}

// The first one in `text`.
std::string_view lora_tag(std::string_view text) {
  for (std::size_t at = text.find('<'); at != text.npos; at = text.find('<', at + 1))
    if (const std::string_view tag = lora_tag_at_start(text.substr(at)); !tag.empty()) return tag;
  return {};
}

// The words of a prompt that say what to draw, and the texts that are to be written.
struct PromptParts {
  std::vector<std::string_view> words, written;
};

PromptParts parts_of(std::string_view text) {
  PromptParts parts;
  std::string last;  // the preceding word, with nothing but a colon between
  for (std::size_t i = 0; i < text.size();) {
    const std::string_view rest = text.substr(i), word = word_at_start(rest);
    if (const std::string_view tag = lora_tag_at_start(rest); !tag.empty()) {
      i += tag.size();
      continue;
    }
    const bool write = is_one_of(kWritten, last) && !(last.starts_with("read") && last != "reads" &&
                                                      is_one_of(kArticles, in_small_letters(word)));
    if (const std::size_t end = end_of_quotation(rest, i == 0 ? ' ' : text[i - 1]); end != rest.npos) {
      for (std::size_t from = 1; from < end;) {
        const std::size_t to = std::min(rest.find_first_of(kBlanks, from), end);
        parts.written.push_back(rest.substr(from, to - from));
        from = to + 1;
      }
      last.clear();
      i += end + 1;
    } else if (word.empty()) {
      if (rest[0] != ':' && kBlanks.find(rest[0]) == kBlanks.npos) last.clear();
      ++i;
    } else if (write) {
      const std::string_view sentence = rest.substr(0, rest.find_first_of(kEnds));
      for (const std::string_view written : words_of(sentence)) parts.written.push_back(written);
      last.clear();
      i += sentence.size();
    } else {
      parts.words.push_back(word);
      last = in_small_letters(word);
      i += word.size();
    }
  }
  return parts;
}

bool knows(const PromptVocabulary& vocabulary, std::string_view shown) {
  std::string word = in_small_letters(shown);
  if (word.ends_with("'s")) word.resize(word.size() - 2);
  const auto has = [&](const std::string& form) { return vocabulary.words.contains(form); };
  const auto without = [&](std::size_t letters) { return word.substr(0, word.size() - letters); };
  return has(word) || has(word + "s") || has(word + "es") || (word.ends_with("s") && has(without(1))) ||
         (word.ends_with("es") && has(without(2))) || (word.ends_with("ies") && has(without(3) + "y"));
}

// "word:1.3"
bool is_weighted(std::string_view inside) {
  const std::size_t colon = inside.rfind(':');
  if (colon == inside.npos || colon == 0 || (inside[colon - 1] >= '0' && inside[colon - 1] <= '9'))
    return false;
  std::string_view number = inside.substr(colon + 1);
  while (number.starts_with(' ')) number.remove_prefix(1);
  while (number.ends_with(' ')) number.remove_suffix(1);
  float value = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  return error == std::errc() && end == number.data() + number.size();
}

// The first of (word:1.3), ((word)), [a:b:0.5], [[word]], [a|b], {a|b}.
std::string_view emphasis(std::string_view text) {
  std::size_t open = text.npos;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '(' || c == '[' || c == '{') open = i;
    if (open == text.npos || (c != ')' && c != ']' && c != '}')) continue;
    const std::string_view inside = text.substr(open + 1, i - open - 1);
    const bool twice =
        c != '}' && open > 0 && text[open - 1] == text[open] && i + 1 < text.size() && text[i + 1] == c;
    const bool choice = c != ')' && inside.find('|') != inside.npos;
    if (is_weighted(inside) || twice || choice)
      return twice ? text.substr(open - 1, i - open + 3) : text.substr(open, i - open + 1);
    open = text.npos;
  }
  return {};
}

// All texts that are encoded, each once.
std::vector<std::string> texts_of(const GenerateOptions& options) {
  std::vector<std::string> texts;
  const auto add = [&](const std::string& text) {
    if (!is_one_of(texts, text)) texts.push_back(text);
  };
  add(options.prompt);
  for (const auto& text : {options.prompt_2, options.prompt_3}) add(text.value_or(""));
  if (!guidance_enabled(options.guidance_scale.value())) return texts;
  add(options.negative_prompt);
  for (const auto& text : {options.negative_prompt_2, options.negative_prompt_3}) add(text.value_or(""));
  return texts;
}

}  // namespace

PromptVocabulary PromptVocabulary::from_json(const nlohmann::json& extras, const Location& location) {
  PromptVocabulary vocabulary;
  if (const auto words = extras.find("words"); words != extras.end()) {
    if (!words->is_array()) throw FileError(location + ": 'words' is not a list", {}, location.file);
    for (const nlohmann::json& word : *words) {
      if (!word.is_string())
        throw FileError(location + ": 'words' holds something that is not a text", {}, location.file);
      vocabulary.words.insert(in_small_letters(word.get<std::string>()));
    }
  }
  if (const auto letters = extras.find("letters"); letters != extras.end()) {
    if (!letters->is_string()) throw FileError(location + ": 'letters' is not a text", {}, location.file);
    vocabulary.letters = letters->get<std::string>();
  }
  return vocabulary;
}

std::vector<std::string> unknown_words(const std::string& prompt, const PromptVocabulary& vocabulary) {
  std::vector<std::string> unknown;
  if (vocabulary.words.empty() && vocabulary.letters.empty()) return unknown;
  const std::string text = with_plain_punctuation(prompt);
  const PromptParts parts = parts_of(text);
  std::set<std::string_view> seen;
  const auto add = [&](std::string_view word) {
    if (seen.insert(word).second) unknown.emplace_back(word);
  };
  if (!vocabulary.words.empty())
    for (const std::string_view word : parts.words)
      if (!knows(vocabulary, word)) add(word);
  if (!vocabulary.letters.empty())
    for (const std::string_view word : parts.written)
      if (word.find_first_not_of(vocabulary.letters) != word.npos) add(word);
  return unknown;
}

void warn_of_prompts(const GenerateOptions& options, const PromptVocabulary& vocabulary,
                     const Callbacks& callbacks) {
  std::string_view lora, weight;
  std::vector<std::string> unknown;
  std::set<std::string> seen;
  const std::vector<std::string> texts = texts_of(options);
  for (const std::string& text : texts) {
    if (lora.empty()) lora = lora_tag(text);
    if (weight.empty()) weight = emphasis(text);
    for (const std::string& word : unknown_words(text, vocabulary))
      if (seen.insert(word).second) unknown.push_back(word);
  }
  if (!lora.empty())
    warn(callbacks, "the prompt holds " + in_quotes(lora) +
                        ", which is drawn as text; a LoRA is added by --lora FILE:WEIGHT");
  if (!weight.empty())
    warn(callbacks, "the prompt holds " + in_quotes(weight) +
                        ": weights and choices in a prompt, as other programs have them, are drawn as text");
  if (unknown.empty()) return;
  ProblemList list;
  for (const std::string& word : unknown) list.add(in_quotes(word));
  warn(callbacks, "the model does not know " + list.text() +
                      ", and may draw something else; the words that it knows are in its sd35.json");
}

}  // namespace sd35
