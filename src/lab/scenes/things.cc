#include "lab/scenes/things.h"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "core/error.h"

namespace sd35 {
namespace {

constexpr std::array<std::string_view, 14> kShapes = {"circle",  "square",  "triangle", "star", "heart",
                                                      "diamond", "hexagon", "pentagon", "oval", "rectangle",
                                                      "cross",   "ring",    "crescent", "arrow"};

constexpr std::array<std::string_view, 16> kTextures = {
    "waffle", "pizza",     "watermelon", "strawberry", "cookie", "cheese", "doughnut", "corn",
    "kiwi",   "chocolate", "pineapple",  "broccoli",   "zebra",  "tiger",  "leopard",  "brick"};

constexpr std::array<std::pair<std::string_view, std::string_view>, 20> kIrregularPlurals = {{
    {"mouse", "mice"},
    {"wolf", "wolves"},
    {"knife", "knives"},
    {"deer", "deer"},
    {"sheep", "sheep"},
    {"fish", "fish"},
    {"bison", "bison"},
    {"ox", "oxen"},
    {"snowman", "snowmen"},
    {"maple leaf", "maple leaves"},
    {"tomato", "tomatoes"},
    {"potato", "potatoes"},
    {"buffalo", "buffaloes"},
    {"blowfish", "blowfish"},
    {"pufferfish", "pufferfish"},
    {"shrimp", "shrimp"},
    {"squid", "squid"},
    {"mango", "mangoes"},
    {"volcano", "volcanoes"},
    {"cactus", "cacti"},
}};

constexpr std::string_view kUncountable[] = {
    "grapes",  "jeans",     "trousers",   "gloves",     "socks",  "scissors",    "sunglasses",
    "shades",  "glasses",   "spectacles", "headphones", "scales", "chopsticks",  "french fries",
    "fries",   "noodles",   "ramen",      "spaghetti",  "pasta",  "broccoli",    "corn",
    "bread",   "bacon",     "garlic",     "popcorn",    "cheese", "butter",      "sushi",
    "soap",    "yarn",      "fire",       "lightning",  "rice",   "stew",        "milk",
    "luggage", "chocolate", "ice",        "custard",    "Santa",  "Santa Claus", "Earth",
    "Saturn",  "coffee",    "salad",      "beer"};

// Heads of "slice of pizza": the word that takes the plural.
constexpr std::string_view kOf = " of ";

bool vowel(char c) { return std::string_view("aeiouAEIOU").find(c) != std::string_view::npos; }

}  // namespace

std::span<const std::string_view> shape_names() { return kShapes; }
std::span<const std::string_view> texture_names() { return kTextures; }

const Thing& thing_named(std::string_view name) {
  static const auto kByName = [] {
    std::unordered_map<std::string_view, const Thing*> map;
    for (const Thing& thing : all_things()) map.emplace(thing.name, &thing);
    return map;
  }();
  const auto found = kByName.find(name);
  if (found == kByName.end()) throw ArgumentError("no thing is named '" + std::string(name) + "'");
  return *found->second;
}

std::string plural(std::string_view noun) {
  if (const std::size_t of = noun.find(kOf); of != std::string_view::npos)
    return plural(noun.substr(0, of)) + std::string(noun.substr(of));
  const auto* irregular =
      std::ranges::find(kIrregularPlurals, noun, [](const auto& pair) { return pair.first; });
  if (irregular != kIrregularPlurals.end()) return std::string(irregular->second);
  const std::string word(noun);
  const char last = word.back();
  if (last == 'y' && !vowel(word[word.size() - 2])) return word.substr(0, word.size() - 1) + "ies";
  if (last == 's' || last == 'x' || word.ends_with("ch") || word.ends_with("sh")) return word + "es";
  return word + "s";
}

bool countable(std::string_view noun) {
  return std::ranges::find(kUncountable, noun) == std::end(kUncountable);
}

std::string_view article(std::string_view noun) {
  if (noun.starts_with("UFO") || noun.starts_with("uni")) return "a";
  return noun.starts_with("hour") || noun.starts_with("SUV") || vowel(noun.front()) ? "an" : "a";
}

}  // namespace sd35
