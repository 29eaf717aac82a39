// What pictures show: the names, and what each thing can do in a scene.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace sd35 {

enum class Group : std::uint8_t { animal, food, vehicle, object, plant, person, building, clothing };

// What a thing can do; a set of bits.
enum Ability : std::uint16_t {
  kCommon = 1,    // in the small vocabulary
  kHolder = 2,    // can hold things and signs
  kFace = 4,      // a head seen from the front: wears hats, glasses and shirts
  kBody = 8,      // a whole animal: stands on things, lends its body to hybrids
  kTinted = 16,   // looks right in any colour; `colour` is its natural one
  kBase = 32,     // can be stood on
  kHeld = 64,     // can be held
  kHat = 128,     // is worn on the head
  kGlasses = 256  // is worn over the eyes
};

struct Thing {
  std::string_view name;
  std::string_view synonym;  // empty when there is none
  char32_t emoji = 0;        // 0: drawn by us
  Group group = Group::object;
  std::uint16_t abilities = 0;
  std::string_view colour;  // of a tinted thing, as it is by nature

  bool can(std::uint16_t all) const { return (abilities & all) == all; }
};

// Names after the Unicode CLDR annotations, shortened to what people say. In no particular order; names and
// synonyms are unique.
std::span<const Thing> all_things();

// By name (not by synonym). Throws ArgumentError when there is none.
const Thing& thing_named(std::string_view name);

// circle, square, triangle, star, heart, diamond, hexagon, pentagon, oval, rectangle, cross, ring, crescent,
// arrow.
std::span<const std::string_view> shape_names();

// Surfaces that a hybrid's other half lends: "waffle", "pizza", ...
std::span<const std::string_view> texture_names();

// "cherries" of "cherry".
std::string plural(std::string_view noun);
// False for what is not counted and takes no "a": "scissors", "bread".
bool countable(std::string_view noun);
// "an" before a vowel sound, else "a".
std::string_view article(std::string_view noun);

}  // namespace sd35
