// Forms with files, RFC 7578.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sd35::serving {

struct FormPart {
  std::string name;
  std::string file_name;  // as the client says; for people alone
  std::string_view content;
};

constexpr std::size_t kMostParts = 100;

// The boundary that a Content-Type of multipart/form-data names; nothing for other types.
std::optional<std::string> multipart_boundary(std::string_view content_type);

// The parts of `body`, which must outlive them. Nothing for a body that is cut, has a part without a name, or
// more than kMostParts.
std::optional<std::vector<FormPart>> multipart_parts(std::string_view body, std::string_view boundary);

}  // namespace sd35::serving
