// The tiny random model as make_random_model() makes it by default; one for all tests of the process.
#pragma once

#include <filesystem>
#include <string>

#include "sd35/sd35.h"
#include "tests/support/temporary_folder.h"

namespace sd35 {

inline const std::filesystem::path& bf16_model() {
  static const TemporaryFolder folder;
  static const std::filesystem::path path = [] {
    make_random_model({}, folder / "tiny");
    return folder / "tiny";
  }();
  return path;
}

// A LoRA for it, of the transformer and the CLIPs.
inline const std::string kTinyLora = std::string(SD35_SOURCE_DIR) + "/tests/golden/lora/peft.safetensors";

}  // namespace sd35
