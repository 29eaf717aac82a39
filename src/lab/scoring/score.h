// Whether a picture shows what its prompt asked for.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "image/image.h"
#include "lab/scoring/prompt_file.h"

namespace sd35 {

class AppearanceTable;

struct Score {
  // By name; the first is what the kind is judged by, the others are additional.
  std::vector<std::pair<std::string, bool>> checks;
  std::string seen;  // what the scorer took the picture for
};

// For one thread.
class Scorer {
 public:
  // Throws FileError when Tesseract's data is missing.
  explicit Scorer(const AppearanceTable& table);
  ~Scorer();
  Scorer(const Scorer&) = delete;
  Scorer& operator=(const Scorer&) = delete;

  // No checks when the prompt has no kind.
  Score score(const Image& picture, const ScenePrompt& prompt);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sd35
