// What is behind a scene, by the colours along the picture's sides.
#pragma once

#include <string>
#include <vector>

#include "lab/scoring/lab_image.h"

namespace sd35 {

// May be used from any number of threads.
class BackgroundTable {
 public:
  BackgroundTable();

  // A place or a named colour (lab/scenes/scene.h, Background).
  std::string nearest(const LabImage& picture) const;

 private:
  // The mean colours of bands from top to bottom, at the sides of the picture.
  using Profile = std::vector<Lab>;
  static Profile profile_of(const LabImage& picture);

  std::vector<std::pair<std::string, Profile>> known_;
};

}  // namespace sd35
