// A scene: everything that a picture shows, without its size in pixels; and the sampling of scenes.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lab/scenes/colours.h"
#include "lab/scenes/typefaces.h"
#include "lab/scenes/words.h"

namespace sd35 {

// What a scene is about. The first seven are the kinds that `sd35 evaluate` scores.
enum class SceneKind : std::uint8_t {
  words,
  thing,
  colour,
  shape,
  position,
  count,
  background,
  hybrid,
  wearing,
  holding,
  standing
};
inline constexpr std::size_t kSceneKinds = 11;
inline constexpr std::size_t kScoredKinds = 7;

std::string_view scene_kind_name(SceneKind kind);
// Throws ArgumentError naming them.
SceneKind scene_kind_from_name(std::string_view name);

enum class Relation : std::uint8_t { left_of, right_of, above, below };
std::string_view relation_name(Relation relation);  // "left of"
// Throws ArgumentError naming them.
Relation relation_from_name(std::string_view name);

enum class ItemSize : std::uint8_t { medium, small, big };

// One thing or shape of a scene, or several that look the same.
struct Item {
  std::string name;         // of a thing or a shape
  bool shape = false;       // which of the two
  std::string colour = {};  // a named colour; empty: as it is by nature
  ItemSize size = ItemSize::medium;
};

enum class SignForm : std::uint8_t { board, post, banner, shirt, card };
std::string_view sign_form_name(SignForm form);  // "sign", "wooden sign", ...

struct Sign {
  SignForm form = SignForm::board;
  std::vector<std::string> words;  // one to kMostWords, drawn in this order, case kept
  int typeface = 0;                // below kTypefaces
  double tracking = 0;             // added between letters, in font sizes
  std::string colour = "white";
  std::string text_colour = "black";
};
std::string text_on(const Sign& sign);  // "Hello World"
inline constexpr std::size_t kMostWords = 3;

struct Background {
  std::string name;           // "beach", "night", "forest", a named colour, or empty: plain and not mentioned
  Rgb rgb = {255, 255, 255};  // of one that is not a place
};
bool is_place(std::string_view background);

// Items by kind: words 0 or 1 (who holds or wears the sign), position 2 (the first is `relation` the second),
// hybrid 1 (the body), wearing 2 (who, what), holding 2 (who, what), standing 2 (who, on what), else 1.
struct Scene {
  SceneKind kind = SceneKind::thing;
  std::vector<Item> items;
  int count = 1;  // of items[0]
  Relation relation = Relation::left_of;
  std::string texture;  // of a hybrid
  std::optional<Sign> sign;
  Background background;
  std::uint64_t layout_seed = 0;  // places, angles and mirror images are drawn from this
  std::string caption;            // at most kLongestCaption characters
};
inline constexpr std::size_t kLongestCaption = 96;

enum class Split : std::uint8_t { train, heldout };

// A text that this share of the signs says, exactly as written, if none of its lines is held out.
struct SaidWords {
  std::vector<std::string> words;
  double share = 0;
};

struct SceneOptions {
  Split split = Split::train;
  // Relative frequencies by kind.
  std::array<double, kSceneKinds> mix = {0.48, 0.10, 0.08, 0.05, 0.09, 0.05, 0.04, 0.04, 0.03, 0.02, 0.02};
  bool common_things_only = false;      // about 130 of about 410 things
  bool plain_backgrounds_only = false;  // no places, no saturated colours
  // Relative frequencies by source (lab/scenes/words.h).
  std::array<double, kWordSources> word_sources = {0.65, 0.2, 0.15};
  // Relative frequencies by typeface; default: the first eight.
  std::array<double, kTypefaces> typefaces = {1, 1, 1, 1, 1, 1, 1, 1};
  double tracking = 0;           // of the words on signs
  std::vector<SaidWords> said;   // texts that occur more often than by chance
  std::size_t fewest_words = 1;  // on a sign, 1 to 3
  std::size_t most_words = 3;
  std::size_t shortest_word = 2;  // in letters, 2 to 8
  std::size_t longest_word = 8;
};

// A pure function of its arguments, on every machine. Train: no combination of the scene is held out
// (lab/scenes/held_out.h). Heldout: the one it is about is. Throws ArgumentError for options out of range.
Scene sample_scene(std::uint64_t seed, std::uint64_t index, const SceneOptions& options);

// {"kind", "expect", "items", ...}: everything but the caption, as one line of JSON.
std::string scene_json(const Scene& scene);

// One line of a prompt file, {"prompt", "kind", "expect", "scene"}, for a kind that is scored. Throws
// ArgumentError for another kind.
std::string evaluation_prompt_json(const Scene& scene);

// From the "scene" of such a line, which draws the same picture; its caption is empty. Throws ArgumentError
// saying what is missing, unknown or more than a picture can show.
Scene scene_from_json(const std::string& json);

}  // namespace sd35
