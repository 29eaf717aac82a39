#include <algorithm>

#include "api/translated.h"
#include "image/image_file.h"
#include "pipeline/recipe.h"

namespace sd35 {
namespace {

Recipe recipe_from_text(const std::string& json, const Location& name) {
  if (json.empty())
    throw FileError(name + ": the picture does not say how it was made; only pictures that sd35 saved do", {},
                    name.file);
  return recipe_from_json(json, name);
}

}  // namespace

Recipe read_recipe(const std::filesystem::path& picture) {
  return translated([&] { return recipe_from_text(read_metadata(picture).settings_json, picture.string()); });
}

Recipe recipe_of(const Picture& picture, const std::string& name) {
  return translated([&] {
    const auto entry =
        std::ranges::find(picture.metadata, kRecipeKey, &std::pair<std::string, std::string>::first);
    return recipe_from_text(entry == picture.metadata.end() ? "" : entry->second, name);
  });
}

}  // namespace sd35
