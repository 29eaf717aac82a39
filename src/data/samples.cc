#include "data/samples.h"

#include "core/messages.h"

namespace sd35 {

bool is_picture_extension(std::string_view extension) {
  return extension == "png" || extension == "jpg" || extension == "jpeg" || extension == "webp";
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return lower;
}

void add_part(Sample& sample, const std::string& extension, const Extent& extent, const std::string& name,
              const WarningFunction& warn) {
  bool added = false;
  if (is_picture_extension(extension)) {
    added = !sample.picture;
    if (added) sample.picture = extent;
  } else {
    added = sample.members.emplace(extension, extent).second;
  }
  if (!added && warn)
    warn("left out: " + in_quotes(name) + ", since sample " + in_quotes(sample.key) +
         " has another of its kind");
}

}  // namespace sd35
