#include "lab/scenes/held_out.h"

#include <algorithm>

#include "lab/scenes/scene_random.h"
#include "lab/scenes/things.h"

namespace sd35 {
namespace {

// FNV-1a (Fowler, Noll and Vo), scrambled because its low bits are poor.
std::uint64_t stable_hash(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325ull;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
  return scramble(hash);
}

std::string lowercase(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

std::string position_line(const Scene& scene) {
  const bool swapped = scene.relation == Relation::right_of || scene.relation == Relation::below;
  const bool sideways = scene.relation == Relation::left_of || scene.relation == Relation::right_of;
  const std::string& first = scene.items[swapped ? 1 : 0].name;
  const std::string& second = scene.items[swapped ? 0 : 1].name;
  return "position " + first + (sideways ? " left of " : " above ") + second;
}

void append_sign(const Scene& scene, std::vector<std::string>& lines) {
  std::string all;
  for (const std::string& word : scene.sign->words) {
    lines.push_back("word " + lowercase(word));
    all += " " + lowercase(word);
  }
  if (!scene.items.empty()) lines.push_back("sign " + scene.items[0].name + all);
}

// The sort of line that a kind of scene is about.
std::string_view sort_of(SceneKind kind) {
  switch (kind) {
    case SceneKind::words:
      return "word ";
    case SceneKind::thing:
    case SceneKind::background:
      return "background ";
    case SceneKind::colour:
    case SceneKind::shape:
      return "colour ";
    case SceneKind::position:
      return "position ";
    case SceneKind::count:
      return "count ";
    case SceneKind::hybrid:
      return "hybrid ";
    case SceneKind::wearing:
      return "wearing ";
    case SceneKind::holding:
      return "holding ";
    case SceneKind::standing:
      break;
  }
  return "standing ";
}

}  // namespace

std::vector<std::string> combinations(const Scene& scene) {
  std::vector<std::string> lines;
  if (scene.sign) append_sign(scene, lines);
  for (const Item& item : scene.items) {
    if (!item.colour.empty() && (item.shape || thing_named(item.name).colour != item.colour))
      lines.push_back("colour " + item.name + " " + item.colour);
    if (!scene.background.name.empty())
      lines.push_back("background " + item.name + " " + scene.background.name);
  }
  const auto pair = [&](std::string_view sort) {
    lines.push_back(std::string(sort) + scene.items[0].name + " " + scene.items[1].name);
  };
  switch (scene.kind) {
    case SceneKind::position:
      lines.push_back(position_line(scene));
      break;
    case SceneKind::hybrid:
      lines.push_back("hybrid " + scene.texture + " " + scene.items[0].name);
      break;
    case SceneKind::wearing:
    case SceneKind::holding:
    case SceneKind::standing:
      pair(sort_of(scene.kind));
      break;
    default:
      break;
  }
  if (scene.count > 1) lines.push_back("count " + scene.items[0].name + " " + std::to_string(scene.count));
  return lines;
}

bool is_held_out(std::string_view combination) {
  if (combination.starts_with("sign ")) return combination == "sign capybara hello world";
  return stable_hash(combination) % 100 < kHeldOutPercent;
}

bool fits_split(const Scene& scene, Split split) {
  const std::vector<std::string> lines = combinations(scene);
  if (split == Split::train) return std::ranges::none_of(lines, is_held_out);
  // If there are several words, each has to be new.
  const std::string_view sort = sort_of(scene.kind);
  bool found = false;
  for (const std::string& line : lines) {
    if (!line.starts_with(sort)) continue;
    if (!is_held_out(line)) return false;
    found = true;
  }
  return found;
}

}  // namespace sd35
