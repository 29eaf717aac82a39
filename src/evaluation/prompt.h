// What to draw, and what a report says of it.
#pragma once

#include <string>
#include <vector>

namespace sd35 {

struct EvaluationPrompt {
  std::string text;
  std::string kind;                // of what is scored, "shape"; empty: the picture is shown and not scored
  std::string group;               // prompts that are scored together: "shape", "two words"; empty: none
  std::vector<std::string> words;  // that the picture should say, for tables of letters
  std::string expectation;         // for people: "red circle left of cat"
};

}  // namespace sd35
