#include "image/metadata.h"

#include <charconv>
#include <string_view>

namespace sd35 {
namespace {

std::string shortest(float value) {
  char digits[64];
  const std::to_chars_result result = std::to_chars(std::begin(digits), std::end(digits), value);
  return {digits, result.ptr};
}

std::string quoted_if_needed(std::string_view value) {
  if (value.find_first_of(",:\"\n\r\t") == std::string_view::npos) return std::string(value);
  std::string quoted = "\"";
  for (const char c : value) {
    switch (c) {
      case '\n':
        quoted += "\\n";
        break;
      case '\r':
        quoted += "\\r";
        break;
      case '\t':
        quoted += "\\t";
        break;
      case '"':
      case '\\':
        quoted += '\\';
        [[fallthrough]];
      default:
        quoted += c;
    }
  }
  return quoted + '"';
}

}  // namespace

std::string parameters_text(const GenerationSettings& settings) {
  std::string text = settings.prompt + "\n";
  if (!settings.negative_prompt.empty()) text += "Negative prompt: " + settings.negative_prompt + "\n";
  text += "Steps: " + std::to_string(settings.steps);
  const auto add = [&](std::string_view name, std::string_view value) {
    text.append(", ").append(name).append(": ").append(quoted_if_needed(value));
  };
  add("Sampler", settings.sampler);
  if (settings.guidance_scale) add("CFG scale", shortest(*settings.guidance_scale));
  add("Seed", std::to_string(settings.seed));
  add("Size", std::to_string(settings.width) + "x" + std::to_string(settings.height));
  add("Model", settings.model);
  for (const auto& [name, value] : settings.extra) add(name, value);
  return text;
}

}  // namespace sd35
