// The arithmetic of reports.
#include <algorithm>
#include <array>
#include <cmath>

#include "evaluation/evaluate.h"

namespace sd35 {

std::string group_of(const EvaluationPrompt& prompt) {
  constexpr std::array<const char*, 4> kNumbers = {"", "", "two ", "three "};
  if (!prompt.kind) return "";
  const std::string kind(scene_kind_name(*prompt.kind));
  const std::size_t words = prompt.words.size();
  if (*prompt.kind != SceneKind::words || words < 2) return kind;
  return (words < kNumbers.size() ? kNumbers.at(words) : std::to_string(words) + " ") + kind;
}

std::vector<std::string> groups_of(const Evaluation& evaluation) {
  std::vector<const EvaluationPrompt*> first;  // of each group
  for (const EvaluationPrompt& prompt : evaluation.prompts) {
    const auto same = [&](const EvaluationPrompt* other) { return group_of(*other) == group_of(prompt); };
    if (prompt.kind && std::ranges::none_of(first, same)) first.push_back(&prompt);
  }
  std::ranges::stable_sort(first, {}, [](const EvaluationPrompt* prompt) {
    return std::pair(*prompt->kind, prompt->words.size());
  });
  std::vector<std::string> groups;
  for (const EvaluationPrompt* prompt : first) groups.push_back(group_of(*prompt));
  return groups;
}

std::vector<Total> totals_of(const Evaluation& evaluation, const Column& column) {
  std::vector<Total> totals;
  for (const std::string& group : groups_of(evaluation)) {
    for (std::size_t i = 0; i < column.pictures.size(); ++i) {
      if (group_of(evaluation.prompts[i]) != group) continue;
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
    if (prompt.kind == SceneKind::words && group_of(prompt) == group && !picture.file.empty())
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
