// Where to get the published model: the one home of these words (README.md repeats the commands, and a test
// compares them).
#pragma once

#include <string_view>

namespace sd35 {

// What diffusers fetches, without the copies of the same weights for other programs and in other types.
inline constexpr std::string_view kDownloadCommand =
    "hf download stabilityai/stable-diffusion-3.5-medium --exclude \"sd3.5_medium*\" --exclude "
    "\"text_encoders/*\" --exclude \"*.fp16*\"";

inline constexpr std::string_view kWhereToGet =
    "get Stable Diffusion 3.5 Medium from https://huggingface.co/stabilityai/stable-diffusion-3.5-medium "
    "(accept the Stability AI Community License there, then run: hf auth login; hf download "
    "stabilityai/stable-diffusion-3.5-medium --exclude \"sd3.5_medium*\" --exclude \"text_encoders/*\" "
    "--exclude \"*.fp16*\")";

}  // namespace sd35
