// Where to get the published model: the one home of these words (README.md repeats the commands, and a test
// compares them).
#pragma once

#include <string_view>

namespace sd35 {

inline constexpr std::string_view kDownloadCommand = "sd35 pull stabilityai/stable-diffusion-3.5-medium";

inline constexpr std::string_view kWhereToGet =
    "get Stable Diffusion 3.5 Medium: accept the Stability AI Community License at "
    "https://huggingface.co/stabilityai/stable-diffusion-3.5-medium, set HF_TOKEN to a token of that account, then "
    "run: sd35 pull stabilityai/stable-diffusion-3.5-medium";

}  // namespace sd35
