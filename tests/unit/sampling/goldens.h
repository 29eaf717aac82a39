// What diffusers computes: tools/reference/sampling_goldens.py.
#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "tests/support/file_bytes.h"

namespace sd35 {

using Json = nlohmann::json;
using Floats = std::vector<float>;

inline const Json& goldens() {
  static const Json golden = Json::parse(file_bytes(SD35_SOURCE_DIR "/tests/golden/sampling.json"));
  return golden;
}

}  // namespace sd35
