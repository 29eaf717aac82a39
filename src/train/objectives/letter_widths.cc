#include "train/objectives/letter_widths.h"

#include <nlohmann/json.hpp>
#include <string>

#include "core/config_file.h"
#include "core/error.h"
#include "core/messages.h"
#include "text/tokenizers/unicode.h"

namespace sd35::train {

LetterWidths LetterWidths::read(const std::filesystem::path& path) {
  const nlohmann::json json = read_json_file(path);
  const ConfigReader reader(json, path.string());
  LetterWidths widths;
  double sum = 0;
  for (const auto& [key, value] : json.items()) {
    const std::u32string letter = unicode::decode(key);
    if (letter.size() != 1) reader.fail(key, "is not one character");
    const double width = reader.number(key, 0, 1e6);
    if (width == 0) reader.fail(key, "must be wider than 0");
    widths.widths_.emplace(letter[0], width);
    sum += width;
  }
  if (widths.widths_.empty())
    throw FileError(in_quotes(path.string()) + " has no widths; it looks like {\"a\": 0.55, \"b\": 0.6}", {},
                    path);
  widths.mean_ = sum / static_cast<double>(widths.widths_.size());
  return widths;
}

double LetterWidths::of(char32_t letter) const {
  const auto found = widths_.find(letter);
  return found == widths_.end() ? mean_ : found->second;
}

}  // namespace sd35::train
