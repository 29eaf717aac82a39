// What a picture says about how it was made, for people and for an exact replay.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "core/location.h"
#include "sd35/sd35.h"

namespace sd35 {

// The keys of Picture::metadata.
constexpr const char* kParametersKey = "parameters";
constexpr const char* kRecipeKey = "sd35";
constexpr const char* kComfyKey = "prompt";  // only of pictures that were read

// The entries of Picture::metadata: "parameters", the text that many programs read, and "sd35", the recipe as
// JSON. `recipe` is that of the one picture: its own seed, count 1, the options complete.
std::vector<std::pair<std::string, std::string>> metadata_of(const Recipe& recipe);

// The recipe without paths: of a model in the Hugging Face cache its name there, of other models, parts and
// LoRAs the last part of their paths.
Recipe with_names(Recipe recipe);
// With the hashes of its LoRAs and of the pictures that go in, which must lie where it says.
Recipe with_hashes(Recipe recipe);

std::string recipe_to_json(const Recipe& recipe);
// The inverse; options that are absent keep their defaults. Throws FileError naming `location` and the key.
Recipe recipe_from_json(const std::string& json, const Location& location);

}  // namespace sd35
