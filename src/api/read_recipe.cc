#include <algorithm>
#include <optional>

#include "api/translated.h"
#include "image/image_file.h"
#include "pipeline/foreign_recipe.h"
#include "pipeline/recipe.h"

namespace sd35 {
namespace {

Recipe recipe_from_texts(const Metadata& texts, const Location& name) {
  if (!texts.settings_json.empty()) return recipe_from_json(texts.settings_json, name);
  if (std::optional<Recipe> recipe = recipe_from_parameters(texts.parameters)) return *std::move(recipe);
  if (texts.comfy_graph.starts_with('{')) return recipe_from_comfy_graph(texts.comfy_graph, name);
  throw FileError(name +
                      ": the picture does not say how it was made, as those do that sd35, A1111's web UI or "
                      "ComfyUI saved",
                  {}, name.file);
}

}  // namespace

Recipe read_recipe(const std::filesystem::path& picture) {
  return translated([&] { return recipe_from_texts(read_metadata(picture), picture.string()); });
}

Recipe recipe_of(const Picture& picture, const std::string& name) {
  return translated([&] {
    const auto text = [&](const char* key) {
      const auto entry =
          std::ranges::find(picture.metadata, key, &std::pair<std::string, std::string>::first);
      return entry == picture.metadata.end() ? std::string() : entry->second;
    };
    return recipe_from_texts({text(kParametersKey), text(kRecipeKey), {}, text(kComfyKey)}, name);
  });
}

}  // namespace sd35
