#include "lab/drawing/scene_renderer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "core/error.h"
#include "lab/scenes/things.h"

namespace sd35 {
namespace {

constexpr std::array<std::pair<int, int>, 6> kSizes = {
    {{32, 32}, {128, 128}, {192, 128}, {96, 160}, {256, 64}, {64, 256}}};

SceneOptions only(SceneKind kind) {
  SceneOptions options;
  options.mix.fill(0);
  options.mix[static_cast<std::size_t>(kind)] = 1;
  return options;
}

SceneRenderer& renderer() {
  static SceneRenderer shared;
  return shared;
}

const Placement& placed(const Rendering& rendering, std::string_view name) {
  const auto found = std::ranges::find(rendering.placements, name, &Placement::name);
  if (found == rendering.placements.end()) throw Error("nothing is placed as " + std::string(name));
  return *found;
}

Rgb pixel(const Image& image, int x, int y) {
  const std::size_t at =
      3 * (static_cast<std::size_t>(y) * static_cast<std::size_t>(image.width) + static_cast<std::size_t>(x));
  return {image.rgb[at], image.rgb[at + 1], image.rgb[at + 2]};
}

// The part of a placement's pixels whose nearest named colour is `colour`.
double share_of(const Image& image, const Placement& place, std::string_view colour) {
  int matching = 0, all = 0;
  for (int y = std::max(0, static_cast<int>(place.y));
       y < std::min<int>(image.height, place.y + place.height); ++y)
    for (int x = std::max(0, static_cast<int>(place.x));
         x < std::min<int>(image.width, place.x + place.width); ++x) {
      matching += nearest_colour(pixel(image, x, y)).name == colour;
      ++all;
    }
  return all == 0 ? 0 : static_cast<double>(matching) / all;
}

TEST(SceneRenderer, DrawsEveryKindAtEverySize) {
  for (const auto& [width, height] : kSizes)
    for (std::size_t kind = 0; kind < kSceneKinds; ++kind)
      for (std::uint64_t index = 0; index < 8; ++index) {
        const Scene scene = sample_scene(1, index, only(static_cast<SceneKind>(kind)));
        const Rendering rendering = renderer().render(scene, width, height);
        ASSERT_EQ(rendering.image.width, width);
        ASSERT_EQ(rendering.image.height, height);
        EXPECT_EQ(rendering.image.rgb.size(), static_cast<std::size_t>(3 * width * height));
        for (const Item& item : scene.items) EXPECT_NO_THROW(placed(rendering, item.name)) << scene.caption;
        EXPECT_EQ(std::ranges::count(rendering.placements, scene.items.empty() ? "" : scene.items[0].name,
                                     &Placement::name),
                  scene.items.empty() ? 0 : scene.count)
            << scene.caption;
        // Something can be seen: not one colour all over.
        const auto& rgb = rendering.image.rgb;
        EXPECT_NE(std::ranges::adjacent_find(rgb, std::not_equal_to()), rgb.end()) << scene.caption;
      }
}

TEST(SceneRenderer, IsAFunctionOfTheSceneAndTheSize) {
  SceneRenderer fresh;
  for (std::uint64_t index = 0; index < 40; ++index) {
    const Scene scene = sample_scene(2, index, {});
    const Image image = renderer().render(scene, 96, 64).image;
    EXPECT_EQ(fresh.render(scene, 96, 64).image.rgb, image.rgb) << scene.caption;
    Scene elsewhere = scene;
    elsewhere.layout_seed += 1;
    if (scene.kind == SceneKind::position || scene.kind == SceneKind::count) {
      EXPECT_NE(fresh.render(elsewhere, 96, 64).image.rgb, image.rgb) << scene.caption;
    }
  }
}

// A word that is cut off is not a label.
TEST(SceneRenderer, SignedWordsLieInsideThePictureAndTheirSign) {
  for (const auto& [width, height] : kSizes)
    for (std::uint64_t index = 0; index < 100; ++index) {
      const Scene scene = sample_scene(3, index, only(SceneKind::words));
      const Rendering rendering = renderer().render(scene, width, height);
      const Placement &sign = placed(rendering, "sign"), &text = placed(rendering, "text");
      const std::string about =
          scene.caption + " at " + std::to_string(width) + " x " + std::to_string(height);
      EXPECT_GE(text.x, 0) << about;
      EXPECT_GE(text.y, 0) << about;
      EXPECT_LE(text.x + text.width, width) << about;
      EXPECT_LE(text.y + text.height, height) << about;
      EXPECT_GE(text.x, sign.x - 1e-6) << about;
      EXPECT_GE(text.y, sign.y - 1e-6) << about;
      EXPECT_LE(text.x + text.width, sign.x + sign.width + 1e-6) << about;
      EXPECT_LE(text.y + text.height, sign.y + sign.height + 1e-6) << about;
    }
}

// The words of a scene in black and in red on white.
std::pair<Rendering, Rendering> in_two_colours(Scene scene, int side) {
  scene.sign->colour = "white";
  scene.sign->text_colour = "black";
  Rendering black = renderer().render(scene, side, side);
  scene.sign->text_colour = "red";
  return {std::move(black), renderer().render(scene, side, side)};
}

// By the pixels: each letter's box holds ink, and outside of all boxes the colour of the text changes
// nothing.
TEST(SceneRenderer, EachLetterIsInItsBox) {
  constexpr int kSide = 256;
  for (std::uint64_t index = 0; index < 60; ++index) {
    const Scene scene = sample_scene(6, index, only(SceneKind::words));
    const auto [black, red] = in_two_colours(scene, kSide);
    std::vector<std::string> words;
    std::vector<char> boxed(std::size_t{kSide} * kSide);
    for (const Letter& letter : black.letters) {
      if (letter.index == 0) words.emplace_back();
      ASSERT_EQ(static_cast<std::size_t>(letter.word) + 1, words.size()) << scene.caption;
      ASSERT_EQ(static_cast<std::size_t>(letter.index), words.back().size()) << scene.caption;
      words.back() += letter.character;
      int inked = 0;
      const auto last = [](double end) { return std::min(kSide - 1, static_cast<int>(std::ceil(end))); };
      for (int y = std::max(0, static_cast<int>(letter.y) - 1); y <= last(letter.y + letter.height); ++y)
        for (int x = std::max(0, static_cast<int>(letter.x) - 1); x <= last(letter.x + letter.width); ++x) {
          boxed[static_cast<std::size_t>(y * kSide + x)] = 1;
          inked += pixel(black.image, x, y) == pixel(red.image, x, y) ? 0 : 1;
        }
      EXPECT_GT(inked, 0) << letter.character << " of " << scene.caption;
    }
    EXPECT_EQ(words, scene.sign->words);
    for (int y = 0; y < kSide; ++y)
      for (int x = 0; x < kSide; ++x)
        if (boxed[static_cast<std::size_t>(y * kSide + x)] == 0) {
          ASSERT_EQ(pixel(black.image, x, y), pixel(red.image, x, y))
              << scene.caption << " at " << x << ", " << y;
        }
  }
}

// By the pixels: outside the place of the text nothing differs between a sign in one colour and in another.
// In a typeface whose letters have equal space a letter's place follows from its number and the word's
// length.
TEST(SceneRenderer, EqualLettersLieWhateverTheWord) {
  const auto middles = [](const std::string& word) {
    Scene scene;
    scene.kind = SceneKind::words;
    scene.sign = Sign{.words = {word}, .typeface = typeface_named("dejavu-mono"), .tracking = 0.05};
    const Rendering rendering = renderer().render(scene, 256, 256);
    std::vector<double> places;
    for (const Letter& letter : rendering.letters) places.push_back(letter.x + letter.width / 2);
    const Placement& text = rendering.placements.back();
    EXPECT_EQ(text.name, "text");
    EXPECT_NEAR((places.front() + places.back()) / 2, text.x + text.width / 2, 1) << word;
    return places;
  };
  const std::vector<double> one = middles("WOMO"), other = middles("TITI");
  ASSERT_EQ(one.size(), 4u);
  ASSERT_EQ(other.size(), 4u);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(one[i], other[i], 1) << i;
}

TEST(SceneRenderer, TrackingSpreadsLetters) {
  const auto gap = [](double tracking) {
    Scene scene;
    scene.kind = SceneKind::words;
    scene.sign = Sign{.words = {"HH"}, .typeface = typeface_named("lato"), .tracking = tracking};
    const std::vector<Letter> letters = renderer().render(scene, 256, 256).letters;
    return (letters[1].x - letters[0].x) / letters[0].width;
  };
  EXPECT_GT(gap(0.2), gap(0) + 0.1);
}

TEST(SceneRenderer, TheTextIsWhereItIsSaidToBe) {
  constexpr int kSide = 192;
  for (std::uint64_t index = 0; index < 60; ++index) {
    const Scene scene = sample_scene(4, index, only(SceneKind::words));
    const auto [black, red] = in_two_colours(scene, kSide);
    const Placement& text = placed(black, "text");
    const double slack = 2 + 0.06 * text.width;  // signs hang a little askew
    int inked = 0;
    for (int y = 0; y < kSide; ++y)
      for (int x = 0; x < kSide; ++x) {
        if (pixel(black.image, x, y) == pixel(red.image, x, y)) continue;
        ++inked;
        EXPECT_TRUE(x >= text.x - slack && x < text.x + text.width + slack && y >= text.y - slack &&
                    y < text.y + text.height + slack)
            << x << ", " << y << ": " << scene.caption;
      }
    EXPECT_GT(inked, 0.05 * text.width * text.height) << scene.caption;
  }
}

TEST(SceneRenderer, RelationsHoldInThePicture) {
  for (const auto& [width, height] : kSizes)
    for (std::uint64_t index = 0; index < 60; ++index) {
      const Scene scene = sample_scene(5, index, only(SceneKind::position));
      const Rendering rendering = renderer().render(scene, width, height);
      const Placement &first = placed(rendering, scene.items[0].name),
                      &second = placed(rendering, scene.items[1].name);
      const double first_x = first.x + first.width / 2, second_x = second.x + second.width / 2;
      const double first_y = first.y + first.height / 2, second_y = second.y + second.height / 2;
      switch (scene.relation) {
        case Relation::left_of:
          EXPECT_LE(first.x + first.width, second.x + 0.1 * width) << scene.caption;
          EXPECT_LT(first_x, second_x) << scene.caption;
          break;
        case Relation::right_of:
          EXPECT_GT(first_x, second_x) << scene.caption;
          break;
        case Relation::above:
          EXPECT_LT(first_y, second_y) << scene.caption;
          break;
        case Relation::below:
          EXPECT_GT(first_y, second_y) << scene.caption;
          break;
      }
    }
}

TEST(SceneRenderer, CountedThingsLieApartAndInside) {
  for (const auto& [width, height] : kSizes)
    for (std::uint64_t index = 0; index < 60; ++index) {
      const Scene scene = sample_scene(6, index, only(SceneKind::count));
      const std::vector<Placement> placements = renderer().render(scene, width, height).placements;
      ASSERT_EQ(placements.size(), static_cast<std::size_t>(scene.count));
      for (std::size_t i = 0; i < placements.size(); ++i) {
        const Placement& a = placements[i];
        EXPECT_TRUE(a.x >= 0 && a.y >= 0 && a.x + a.width <= width && a.y + a.height <= height)
            << scene.caption;
        for (std::size_t j = 0; j < i; ++j) {
          const Placement& b = placements[j];
          EXPECT_TRUE(a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y ||
                      b.y + b.height <= a.y)
              << scene.caption;
        }
      }
    }
}

TEST(SceneRenderer, PaintsInTheColourAskedFor) {
  Scene scene;
  scene.kind = SceneKind::shape;
  for (const NamedColour& colour : named_colours()) {
    scene.items = {{.name = "square", .shape = true, .colour = std::string(colour.name)}};
    scene.background.rgb = colour.name == "white" ? Rgb{24, 24, 26} : Rgb{255, 255, 255};
    const Rendering rendering = renderer().render(scene, 128, 128);
    EXPECT_GT(share_of(rendering.image, placed(rendering, "square"), colour.name), 0.8) << colour.name;

    scene.items = {{.name = "balloon", .colour = std::string(colour.name)}};
    const Rendering tinted = renderer().render(scene, 128, 128);
    EXPECT_GT(share_of(tinted.image, placed(tinted, "balloon"), colour.name), 0.25) << colour.name;
  }
}

// In soft light, but each pixel still has the name of the colour.
TEST(SceneRenderer, ColouredBackgroundsKeepTheirColour) {
  for (const NamedColour& colour : named_colours())
    for (std::uint64_t seed = 0; seed < 8; ++seed) {
      Scene scene;
      scene.items = {
          {.name = "ball", .colour = colour.name == "red" ? "blue" : "red", .size = ItemSize::small}};
      scene.background = {.name = std::string(colour.name), .rgb = colour.rgb};
      scene.layout_seed = seed;
      const Image image = renderer().render(scene, 128, 128).image;
      const Placement edge{"", 0, 0, 128, 16};
      EXPECT_GT(share_of(image, edge, colour.name), 0.99) << colour.name;
      EXPECT_NE(pixel(image, 64, 2), pixel(image, 1, 126)) << colour.name;  // lit, not flat
    }
}

TEST(SceneRenderer, ThingsCastSoftShadows) {
  Scene scene;
  for (const char* name : {"apple", "capybara", "mug", "car"}) {
    scene.items = {{.name = name}};
    const Rendering rendering = renderer().render(scene, 128, 128);
    const Placement& place = placed(rendering, name);
    const auto light = [&](double x, double y) {
      return oklab(pixel(rendering.image, static_cast<int>(x), static_cast<int>(y)))[0];
    };
    const double below = place.y + place.height + 2;
    EXPECT_LT(light(place.x + place.width / 2, below), light(2, below) - 0.02F) << name;
  }
}

// Each is among the built-in pictures or the drawings, and can be seen.
TEST(SceneRenderer, DrawsEveryThingShapeAndSurface) {
  Scene scene;
  for (const Thing& thing : all_things()) {
    scene.items = {{.name = std::string(thing.name)}};
    EXPECT_GT(placed(renderer().render(scene, 64, 64), scene.items[0].name).width, 5) << thing.name;
  }
  for (const std::string_view shape : shape_names()) {
    scene.items = {{.name = std::string(shape), .shape = true, .colour = "red"}};
    const Rendering rendering = renderer().render(scene, 64, 64);
    EXPECT_GT(share_of(rendering.image, placed(rendering, scene.items[0].name), "red"), 0.1) << shape;
  }
  scene.kind = SceneKind::hybrid;
  scene.items = {{.name = "elephant"}};
  std::vector<std::vector<std::uint8_t>> pictures;
  for (const std::string_view texture : texture_names()) {
    scene.texture = texture;
    std::vector<std::uint8_t> picture = renderer().render(scene, 64, 64).image.rgb;
    EXPECT_EQ(std::ranges::find(pictures, picture), pictures.end()) << texture;
    pictures.push_back(std::move(picture));
  }
}

TEST(SceneRenderer, RefusesSizesItCannotDraw) {
  for (const auto& [width, height] :
       {std::pair{31, 64}, {64, 31}, {2049, 2048}, {0, 0}, {-64, 64}, {257, 64}, {64, 257}})
    EXPECT_THROW(renderer().render(sample_scene(0, 0, {}), width, height), ArgumentError)
        << width << " x " << height;
  EXPECT_NO_THROW(check_picture_size(2048, 512));
}

}  // namespace
}  // namespace sd35
