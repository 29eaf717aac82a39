// The page that the server shows to browsers.
#pragma once

#include <filesystem>

#include "serving/router.h"

namespace sd35::serving {

// "/" and what it needs, from `folder`, where they are read for each request, or from the program if it is
// empty. Throws ArgumentError where the folder holds no index.html. False: the program has no page.
bool add_page_routes(Router& router, const std::filesystem::path& folder);

}  // namespace sd35::serving
