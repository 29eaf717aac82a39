// A model in another type or layout, one tensor at a time.
#pragma once

#include <filesystem>
#include <string>

#include "sd35/sd35.h"

namespace sd35 {

// sd35::convert, whose errors may be of any kind.
ConvertReport convert_model(const std::string& input, const std::filesystem::path& output,
                            const ConvertOptions& options, const Callbacks& callbacks);

}  // namespace sd35
