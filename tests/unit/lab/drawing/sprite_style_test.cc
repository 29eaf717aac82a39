#include "lab/drawing/sprite_style.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "core/error.h"
#include "lab/drawing/emoji_font.h"
#include "lab/drawing/fluent_emoji.h"
#include "lab/drawing/scene_renderer.h"
#include "lab/scenes/things.h"

namespace sd35 {
namespace {

constexpr SpriteShares kNotoOnly = {0, 1};

TEST(ParseSprites, ReadsSharesAndRefusesTheRest) {
  EXPECT_EQ(parse_sprites("fluent"), (SpriteShares{1, 0}));
  EXPECT_EQ(parse_sprites("noto"), (SpriteShares{0, 1}));
  EXPECT_EQ(parse_sprites("fluent=0.9,noto=0.1"), (SpriteShares{0.9, 0.1}));
  EXPECT_EQ(parse_sprites("noto=3,fluent"), (SpriteShares{1, 3}));
  EXPECT_EQ(parse_sprites("fluent=2,noto=0"), (SpriteShares{2, 0}));
  for (const char* wrong : {"", ",", "fluent,", ",noto", "Fluent", "twemoji", "fluent=", "fluent=x",
                            "fluent=-1", "fluent=nan", "fluent=inf", "fluent=1e9", "fluent=1:2", "fluent:1",
                            "fluent= 1", "fluent,fluent", "noto=1,noto=2", "fluent=0", "fluent=0,noto=0"})
    EXPECT_THROW(parse_sprites(wrong), ArgumentError) << wrong;
}

TEST(StyleOfScene, ComesUpAsOftenAsAskedFor) {
  int noto = 0;
  for (std::uint64_t seed = 0; seed < 4000; ++seed) {
    EXPECT_EQ(style_of_scene(kFluentOnly, seed), SpriteStyle::fluent);
    EXPECT_EQ(style_of_scene(kNotoOnly, seed), SpriteStyle::noto);
    const SpriteStyle style = style_of_scene({3, 1}, seed);
    EXPECT_EQ(style_of_scene({0.75, 0.25}, seed), style);
    noto += style == SpriteStyle::noto ? 1 : 0;
  }
  EXPECT_NEAR(noto, 1000, 100);
}

// Of each thing that is not drawn by us, and of nothing else.
TEST(FluentEmoji, HasWhatTheTableNames) {
  std::size_t pictures = 0;
  for (const Thing& thing : all_things()) {
    if (thing.emoji == 0) continue;
    ++pictures;
    const std::optional<Surface> picture = fluent_picture(thing.emoji);
    ASSERT_TRUE(picture) << thing.name << ": tools/select-sprites";
    EXPECT_EQ(cairo_image_surface_get_width(picture->get()), 256) << thing.name;
  }
  EXPECT_FALSE(fluent_picture(U'x'));
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(SD35_SOURCE_DIR "/assets/fluent-emoji"))
    files += entry.path().extension() == ".webp" ? 1 : 0;
  EXPECT_EQ(files, pictures);
}

Scene plain_scene(std::string name, std::uint64_t seed) {
  Scene scene;
  scene.items = {{.name = std::move(name)}};
  scene.layout_seed = seed;
  return scene;
}

TEST(SceneRenderer, DrawsThingsInTheStyleOfTheirScene) {
  if (!EmojiFont::is_installed()) {
    EXPECT_THROW(SceneRenderer{kNotoOnly}, FileError);
    return;
  }
  constexpr SpriteShares kMixed = {1, 1};
  SceneRenderer fluent, noto(kNotoOnly), mixed(kMixed);
  std::set<SpriteStyle> styles;
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    const Scene cat = plain_scene("cat", seed), capybara = plain_scene("capybara", seed);
    const Image one = fluent.render(cat, 64, 64).image, other = noto.render(cat, 64, 64).image;
    EXPECT_NE(one, other);
    const SpriteStyle style = style_of_scene(kMixed, seed);
    EXPECT_EQ(mixed.render(cat, 64, 64).image, style == SpriteStyle::fluent ? one : other);
    styles.insert(style);
    EXPECT_EQ(fluent.render(capybara, 64, 64).image, noto.render(capybara, 64, 64).image);
  }
  EXPECT_EQ(styles.size(), 2u);
}

}  // namespace
}  // namespace sd35
