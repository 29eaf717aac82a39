// The arithmetic of reports.
#include <algorithm>
#include <cmath>

#include "evaluation/evaluate.h"

namespace sd35 {

std::vector<Total> totals_of(const Evaluation& evaluation, const Column& column) {
  std::vector<Total> totals;
  for (const std::string& group : evaluation.groups) {
    for (std::size_t i = 0; i < column.pictures.size(); ++i) {
      if (evaluation.prompts[i].group != group) continue;
      for (const auto& [check, passed] : column.pictures[i].score.checks) {
        const auto same = [&, &check = check](const Total& total) {
          return total.group == group && total.check == check;
        };
        auto total = std::ranges::find_if(totals, same);
        if (total == totals.end()) total = totals.insert(total, {group, check});
        total->passed += passed ? 1 : 0;
        ++total->pictures;
      }
    }
  }
  return totals;
}

LetterTable letters_of(const Evaluation& evaluation, const Column& column, const std::string& group) {
  LetterTable table;
  for (std::size_t i = 0; i < column.pictures.size(); ++i) {
    const EvaluationPrompt& prompt = evaluation.prompts[i];
    const EvaluatedPicture& picture = column.pictures[i];
    if (!prompt.words.empty() && prompt.group == group && !picture.file.empty())
      table.add(prompt.words, picture.score.seen, picture.capitals);
  }
  return table;
}

std::pair<double, double> interval_of(const Total& total) {
  constexpr double z = 1.959964;
  const double n = std::max(1, total.pictures), p = total.share();
  const double middle = p + z * z / (2 * n), half = z * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n));
  return {(middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)};
}

}  // namespace sd35
