// What a client asks to be drawn, whatever it speaks.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sd35/sd35.h"

namespace sd35::serving {

struct JobRequest {
  std::string model;                       // the name of one that there is
  GenerateOptions options;                 // checked; the seed is chosen
  std::string format = "png";              // of the files: "png", "jpeg", "webp"
  int quality = 95;                        // of jpeg and webp
  bool previews = false;                   // a small picture after each step
  int partial_pictures = 0;                // previews at full size, evenly spread over the steps
  std::string dialect;                     // "own", for metrics
  std::vector<std::string> warnings = {};  // about the request

  // Of the pictures that go in.
  std::uint64_t input_bytes() const;
  void drop_inputs();
};

}  // namespace sd35::serving
