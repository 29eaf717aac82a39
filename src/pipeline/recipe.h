// What a picture says about how it was made, for people and for an exact replay.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "sd35/sd35.h"

namespace sd35 {

// The entries of Picture::metadata: "parameters", the text that many programs read, and "sd35", the recipe as
// JSON. `recipe` is that of the one picture: its own seed, count 1, the options complete.
std::vector<std::pair<std::string, std::string>> metadata_of(const Recipe& recipe);

// That of the picture in a file. Throws FileError if there is none or it is damaged.
Recipe recipe_in(const std::filesystem::path& picture);

std::string recipe_to_json(const Recipe& recipe);
// The inverse; options that are absent keep their defaults. Throws FileError naming `location` and the key.
Recipe recipe_from_json(const std::string& json, const std::string& location);

}  // namespace sd35
