// Reads the input as a recipe, ours and other programs', as a picture that holds one, and writes it as one
// into a picture, whose format depends on its length. Only Error may come out, and what was written must come
// back.
#include <array>
#include <span>

#include "image/image_file.h"
#include "image/unicode.h"
#include "pipeline/foreign_recipe.h"
#include "pipeline/recipe.h"
#include "tests/fuzz/allow_errors.h"
#include "tests/fuzz/input_file.h"
#include "tests/fuzz/sealed.h"

namespace sd35 {
namespace {

void read_text(const std::string& text) {
  allow_errors([&] {
    const Recipe recipe = recipe_from_json(text, "fuzz");
    const std::string json = recipe_to_json(recipe);
    require(recipe_to_json(recipe_from_json(json, "fuzz")) == json);
    (void)metadata_of(recipe);
  });
}

void check_foreign(const Recipe& recipe) {
  for (const std::string& setting : recipe.left_out) check_line(setting);
  require(recipe.left_out.size() <= 17 && recipe.model.empty());
  (void)metadata_of(recipe);
}

void read_foreign(const std::string& text) {
  if (const auto recipe = recipe_from_parameters(text)) check_foreign(*recipe);
  allow_errors([&] { check_foreign(recipe_from_comfy_graph(text, "fuzz")); });
}

// As the recipe and as the text for other programs, whose encoding is a guess if it is UTF-16.
void write_into_picture(const std::string& text) {
  const std::string clean = clean_utf8(text);
  const Image dot{1, 1, {1, 2, 3}};
  constexpr std::array kFormats{ImageFormat::png, ImageFormat::jpeg, ImageFormat::webp};
  allow_errors([&] {
    const std::vector<std::uint8_t> file = encode_image(dot, kFormats[text.size() % 3], {text, text});
    const InputFile picture(file.data(), file.size());
    require(read_metadata(picture.path()).settings_json == clean);
    (void)read_recipe(picture.path());
  });
}

}  // namespace
}  // namespace sd35

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sd35;
  const std::string text(text_of(data, size));
  read_text(text);
  read_foreign(text);
  allow_errors([&] { (void)read_recipe(InputFile(text).path()); });
  if (text.starts_with("\x89PNG"))
    allow_errors([&] { (void)read_recipe(InputFile(sealed_png(text)).path()); });
  write_into_picture(text);
  return 0;
}
