// The files that a picture was drawn with, where it is drawn again.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "sd35/sd35.h"

namespace sd35::cli {

// Throws FileError where the recipe of `picture` names a file, a folder or a model that is not there, and
// `command` was not given the option that names another; the message says which one that is.
void check_files_of_recipe(const CLI::App& command, const Recipe& recipe, const std::string& picture);

}  // namespace sd35::cli
