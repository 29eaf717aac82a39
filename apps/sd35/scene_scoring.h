// Prompts of the lab's scenes, for sd35 evaluate: what its prompt files say, drawn and scored by the lab.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "evaluation/prompt.h"
#include "evaluation/scoring.h"
#include "lab/scoring/prompt_file.h"

namespace sd35::cli {

class SceneScoring : public Scoring {
 public:
  // The prompts of these files. Throws FileError.
  explicit SceneScoring(const std::vector<std::string>& files);

  std::vector<EvaluationPrompt> prompts() const;
  std::vector<std::string> groups() const { return groups_of(prompts_); }

  bool has_example(std::size_t prompt) const override { return prompts_.at(prompt).scene.has_value(); }
  void check_example_size(int width, int height) const override;
  std::unique_ptr<ExampleDrawer> example_drawer() const override;
  std::function<std::unique_ptr<PictureScorer>()> scorer_maker() const override;

 private:
  std::vector<ScenePrompt> prompts_;
};

}  // namespace sd35::cli
