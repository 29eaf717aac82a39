// An option that goes through several values: the rows or columns of a sheet of pictures.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sd35/sd35.h"

namespace sd35 {

struct OptionAxis {
  std::string option;               // the name of its field: "guidance_scale"
  std::vector<std::string> values;  // as they were written

  // `options` with the value `index`.
  GenerateOptions applied(GenerateOptions options, std::size_t index) const;
  // "guidance_scale 3, 4.5, 6"
  std::string description() const;
};

// "guidance=3,4.5,6": an option of drawing, by the name of its field or on the command line (guidance is
// guidance_scale); its value is a number, true or false, or one of a few words. Not those that change the
// size or the number of pictures. Throws ArgumentError, which says what would work.
OptionAxis option_axis_from_text(std::string_view text);

}  // namespace sd35
