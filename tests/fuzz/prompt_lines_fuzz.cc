// Reads the input as a file of prompts for drawing, and as an axis of a sheet. Only Error may come out, and
// the options of a line are those that its recipe would hold.
#include <nlohmann/json.hpp>

#include "options/option_axis.h"
#include "options/option_json.h"
#include "options/prompt_lines.h"
#include "tests/fuzz/allow_errors.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sd35;
  const std::string text(text_of(data, size));
  GenerateOptions base;
  base.seed = 5;
  allow_errors([&] {
    const PromptLines file(text, "fuzz");
    for (const PromptLines::Line& line : file.lines())
      allow_errors([&] {
        const GenerateOptions options = file.options(line, base);
        require(options.count == 1);
        GenerateOptions read;
        options_from_json(options_to_json(options), read);
        require(options_to_json(read) == options_to_json(options));
      });
  });
  allow_errors([&] {
    const OptionAxis axis = option_axis_from_text(text);
    for (std::size_t i = 0; i < axis.values.size(); ++i) (void)axis.applied(base, i);
    (void)axis.description();
  });
  return 0;
}
