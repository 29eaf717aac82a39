#include "api/translated.h"
#include "pipeline/recipe.h"

namespace sd35 {

Recipe read_recipe(const std::filesystem::path& picture) {
  return translated([&] { return recipe_in(picture); });
}

}  // namespace sd35
