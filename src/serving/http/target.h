// What a request's first line asks for.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace sd35::serving {

// %41 becomes A, and with `plus_is_blank` + a blank. Nothing for an escape that is cut or no hexadecimal
// number, and for a NUL.
std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_blank = false);

struct Target {
  std::string path;
  std::map<std::string, std::string> query;
};

// "/a%20b?c=d", or the same behind "http://host". Nothing if it does not begin with a slash, holds other bytes
// than visible ones of ASCII, or an escape is wrong.
std::optional<Target> target_from_text(std::string_view text);

}  // namespace sd35::serving
