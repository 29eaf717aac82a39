// The tiny random model that tests draw with: f32, seed 7, made once per process in a temporary folder.
#pragma once

#include <filesystem>

namespace sd35 {

const std::filesystem::path& tiny_model();

}  // namespace sd35
