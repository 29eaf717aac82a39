// Who knows what prompts ask for: draws examples of it, and sees whether pictures show it. Handed in by the
// program, because what can be scored is a matter of the prompts, not of models.
#pragma once

#include <cstddef>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "image/image.h"

namespace sd35 {

struct PictureScore {
  // By name; the first is what the kind of prompt is judged by, the others are additional.
  std::vector<std::pair<std::string, bool>> checks;
  std::string seen;  // what the scorer took the picture for
};

// For one thread.
class PictureScorer {
 public:
  virtual ~PictureScorer() = default;
  // No checks for a prompt without a kind.
  virtual PictureScore score(const Image& picture, std::size_t prompt) = 0;
};

// A picture of what a prompt asks for.
struct ExamplePicture {
  Image image;
  // The height of the capital letters in it, in pixels; NaN: there are none, or it is not known.
  double capitals = std::numeric_limits<double>::quiet_NaN();
};

// For one thread.
class ExampleDrawer {
 public:
  virtual ~ExampleDrawer() = default;
  virtual ExamplePicture draw(std::size_t prompt, int width, int height) = 0;
};

// Prompts are numbered as in EvaluationOptions::prompts. Any thread may call these.
class Scoring {
 public:
  virtual ~Scoring() = default;

  virtual bool has_example(std::size_t prompt) const = 0;
  // Throws ArgumentError for a size that examples cannot have.
  virtual void check_example_size(int width, int height) const = 0;
  virtual std::unique_ptr<ExampleDrawer> example_drawer() const = 0;
  // What makes a scorer, for each thread one. May take seconds.
  virtual std::function<std::unique_ptr<PictureScorer>()> scorer_maker() const = 0;
};

}  // namespace sd35
