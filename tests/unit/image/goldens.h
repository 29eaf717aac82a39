// What PIL, NumPy and diffusers make of pictures: tools/reference/image_goldens.py.
#pragma once

#include <string>

namespace sd35 {

const inline std::string kGolden = SD35_SOURCE_DIR "/tests/golden/image/";

}  // namespace sd35
