#include "scene_scoring.h"

#include <algorithm>
#include <utility>

#include "lab/drawing/scene_renderer.h"
#include "lab/scoring/appearance.h"
#include "lab/scoring/capitals.h"
#include "lab/scoring/score.h"

namespace sd35::cli {
namespace {

bool needs_outlines_only(const ScenePrompt& prompt) {
  return !prompt.kind || prompt.kind == SceneKind::words || prompt.kind == SceneKind::shape ||
         prompt.kind == SceneKind::background;
}

class SceneDrawer : public ExampleDrawer {
 public:
  explicit SceneDrawer(const std::vector<ScenePrompt>& prompts) : prompts_(prompts) {}
  ExamplePicture draw(std::size_t prompt, int width, int height) override {
    Rendering rendering = renderer_.render(prompts_.at(prompt).scene.value(), width, height);
    return {std::move(rendering.image), capital_height(rendering.letters)};
  }

 private:
  const std::vector<ScenePrompt>& prompts_;
  SceneRenderer renderer_;
};

class SceneScorer : public PictureScorer {
 public:
  SceneScorer(const std::vector<ScenePrompt>& prompts, std::shared_ptr<const AppearanceTable> table)
      : prompts_(prompts), table_(std::move(table)), scorer_(*table_) {}
  PictureScore score(const Image& picture, std::size_t prompt) override {
    Score score = scorer_.score(picture, prompts_.at(prompt));
    return {std::move(score.checks), std::move(score.seen)};
  }

 private:
  const std::vector<ScenePrompt>& prompts_;
  std::shared_ptr<const AppearanceTable> table_;
  Scorer scorer_;
};

}  // namespace

SceneScoring::SceneScoring(const std::vector<std::string>& files) {
  for (const std::string& file : files)
    for (ScenePrompt& prompt : read_prompts(file)) prompts_.push_back(std::move(prompt));
}

std::vector<EvaluationPrompt> SceneScoring::prompts() const {
  std::vector<EvaluationPrompt> all;
  for (const ScenePrompt& prompt : prompts_)
    all.push_back({prompt.text, prompt.kind ? std::string(scene_kind_name(*prompt.kind)) : "", prompt.group(),
                   prompt.words, prompt.expectation()});
  return all;
}

void SceneScoring::check_example_size(int width, int height) const { check_picture_size(width, height); }

std::unique_ptr<ExampleDrawer> SceneScoring::example_drawer() const {
  return std::make_unique<SceneDrawer>(prompts_);
}

std::function<std::unique_ptr<PictureScorer>()> SceneScoring::scorer_maker() const {
  return
      [this, table = std::make_shared<const AppearanceTable>(std::ranges::all_of(
                 prompts_, needs_outlines_only))] { return std::make_unique<SceneScorer>(prompts_, table); };
}

}  // namespace sd35::cli
