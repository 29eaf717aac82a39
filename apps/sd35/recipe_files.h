// The files that a picture was drawn with, where it is drawn again.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "sd35/sd35.h"

namespace sd35::cli {

// Finds what the recipe of `picture` names and `command` was not given: the model where the recipe says (a
// path, or a name in the Hugging Face cache), in the environment variable SD35_MODEL, or as the one that this
// program came with, by its hash or else by its name; parts and LoRAs where the recipe says or beside the
// picture. Returns warnings: of what holds other weights. Throws FileError for what is not there; the message
// names the option that says where it is.
std::vector<std::string> find_files_of_recipe(const CLI::App& command, Recipe& recipe,
                                              const std::string& picture);

}  // namespace sd35::cli
