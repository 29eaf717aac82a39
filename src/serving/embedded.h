// Files that are built into the program (cmake/embed.cmake).
#pragma once

#include <string_view>
#include <vector>

namespace sd35::serving {

// The description of our own API.
std::string_view openapi_json();

struct EmbeddedFile {
  std::string_view name;  // "index.html"
  std::string_view bytes;
  std::string_view packed;  // by gzip
};

// The page; empty where the program was built without web/dist.
std::vector<EmbeddedFile> embedded_page();

}  // namespace sd35::serving
