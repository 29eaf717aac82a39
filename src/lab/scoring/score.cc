#include "lab/scoring/score.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <span>

#include "lab/scenes/things.h"
#include "lab/scoring/appearance.h"
#include "lab/scoring/background.h"
#include "lab/scoring/word_reader.h"

namespace sd35 {
namespace {

constexpr double kSpeck = 0.03;         // of the largest part's area: no part of a thing
constexpr double kSmallestItem = 0.25;  // of the largest one's area, of several that look the same
constexpr int kNear = 32;               // parts closer than 1/32 of the picture's side belong to one thing
constexpr int kLikely = 16;             // of about 570 candidates: 1 in 35

std::string text_of(const std::vector<std::string>& words) {
  std::string all;
  for (const std::string& word : words) all += (all.empty() ? "" : " ") + word;
  return all;
}

// A part with those of `others` that lie close to it.
Part with_neighbours(const Part& part, std::span<const Part> others) {
  Mask around = part.mask;
  for (int i = 0; i < std::max(1, std::min(around.width, around.height) / kNear); ++i)
    around = dilated(around);
  std::vector<Part> chosen{part};
  for (const Part& other : others) {
    bool close = false;
    for (std::size_t i = 0; i < around.set.size(); ++i)
      close = close || (around.set[i] != 0 && other.mask.set[i] != 0);
    if (close) chosen.push_back(other);
  }
  return joined(chosen);
}

Part main_item(std::span<const Part> parts) { return with_neighbours(parts[0], parts.subspan(1)); }

// The colour that most of a part's inner pixels have.
std::string_view colour_name(const Image& picture, const Part& part) {
  Mask inner = eroded(part.mask);
  if (inner.count() * 3 < part.area) inner = part.mask;
  std::map<std::string_view, int> counts;
  for (std::size_t i = 0; i < inner.set.size(); ++i) {
    if (inner.set[i] == 0) continue;
    const std::uint8_t* rgb = &picture.rgb[3 * i];
    ++counts[nearest_colour({rgb[0], rgb[1], rgb[2]}).name];
  }
  return std::ranges::max_element(counts, {}, [](const auto& count) { return count.second; })->first;
}

bool holds(Relation relation, const Part& first, const Part& second) {
  const double dx = second.x - first.x, dy = second.y - first.y;
  switch (relation) {
    case Relation::left_of:
      return dx > std::abs(dy);
    case Relation::right_of:
      return -dx > std::abs(dy);
    case Relation::above:
      return dy > std::abs(dx);
    case Relation::below:
      return -dy > std::abs(dx);
  }
  return false;
}

}  // namespace

struct Scorer::State {
  explicit State(const AppearanceTable& t) : table(t) {}

  const AppearanceTable& table;
  BackgroundTable backgrounds;
  WordReader reader;

  Score words(const Image& picture, const ScenePrompt& prompt) {
    Score score;
    score.seen = reader.read(picture);
    const int distance = edit_distance(score.seen, text_of(prompt.words));
    score.checks = {{"within one letter", distance <= 1}, {"read exactly", distance == 0}};
    return score;
  }

  Score thing(const LabImage& picture, const ScenePrompt& prompt, const std::vector<Part>& parts,
              const Mask& holes) const {
    const std::vector<std::string_view> ranked =
        table.ranked_things(ObservedPart(picture, main_item(parts), holes));
    const auto place = std::ranges::find(ranked, prompt.items[0].name) - ranked.begin();
    return {{{"first of all things", place == 0}, {"among the first five", place < 5}},
            std::string(ranked[0])};
  }

  Score colour(const Image& image, const LabImage& picture, const ScenePrompt& prompt,
               const std::vector<Part>& parts, const Mask& holes) const {
    const Part item = main_item(parts);
    const std::string_view seen = colour_name(image, item);
    const bool right = seen == prompt.items[0].colour;
    const bool thing = table.rank(ObservedPart(picture, item, holes), prompt.items[0]) < kLikely;
    return {{{"colour", right}, {"colour and thing", right && thing}}, std::string(seen)};
  }

  Score shape(const Image& image, const ScenePrompt& prompt, const std::vector<Part>& parts,
              const Mask& holes) const {
    const Part& item = parts.at(0);
    const std::string_view seen = table.nearest_shape(Silhouette(item, holes));
    const std::string_view colour = colour_name(image, item);
    const bool right = seen == prompt.items[0].name;
    return {{{"shape", right}, {"shape and colour", right && colour == prompt.items[0].colour}},
            std::string(colour) + " " + std::string(seen)};
  }

  Score position(const LabImage& picture, const ScenePrompt& prompt, const std::vector<Part>& parts,
                 const Mask& holes) const {
    Score score{{{"position", false}, {"position, whatever it is of", false}}, "one item"};
    if (parts.size() < 2) return score;
    const std::span<const Part> others = std::span(parts).subspan(2);
    std::vector<Part> items{with_neighbours(parts[0], others), with_neighbours(parts[1], others)};
    std::vector<ObservedPart> seen;
    for (const Part& item : items) seen.emplace_back(picture, item, holes);
    const auto cost = [&](std::size_t first, std::size_t second) {
      return table.distance(seen[first], prompt.items[0]) + table.distance(seen[second], prompt.items[1]);
    };
    if (cost(1, 0) < cost(0, 1)) {
      std::swap(items[0], items[1]);
      std::swap(seen[0], seen[1]);
    }
    const bool relation = holds(prompt.relation, items[0], items[1]);
    const int first = table.rank(seen[0], prompt.items[0]), second = table.rank(seen[1], prompt.items[1]);
    score.checks[0].second = relation && first < kLikely && second < kLikely;
    score.checks[1].second = relation;
    score.seen = relation ? "as asked" : "elsewhere";
    score.seen += ", likeness ranks " + std::to_string(first + 1) + " and " + std::to_string(second + 1);
    return score;
  }

  Score count(const LabImage& picture, const ScenePrompt& prompt, const std::vector<Part>& parts,
              const Mask& holes) const {
    int items = 0, likely = 0;
    for (const Part& part : parts) {
      if (static_cast<double>(part.area) < kSmallestItem * static_cast<double>(parts[0].area)) continue;
      ++items;
      if (table.rank(ObservedPart(picture, part, holes), prompt.items[0]) < kLikely) ++likely;
    }
    const bool right = items == prompt.count;
    return {{{"count", right}, {"count and thing", right && likely == items}}, std::to_string(items)};
  }
};

Scorer::Scorer(const AppearanceTable& table) : state_(std::make_unique<State>(table)) {}
Scorer::~Scorer() = default;

Score Scorer::score(const Image& image, const ScenePrompt& prompt) {
  if (!prompt.kind) return {};
  if (*prompt.kind == SceneKind::words) return state_->words(image, prompt);
  const LabImage picture = to_lab(image);
  if (*prompt.kind == SceneKind::background) {
    const std::string seen = state_->backgrounds.nearest(picture);
    return {{{"background", seen == prompt.background}}, seen};
  }
  const Foreground foreground = separate(picture);
  std::vector<Part> parts = parts_of(foreground.mask, kSpeck);
  if (parts.empty()) {  // one colour all over: the whole picture is the thing
    Mask all(picture.width, picture.height);
    std::ranges::fill(all.set, std::uint8_t{1});
    parts = parts_of(all, 0);
  }
  switch (*prompt.kind) {
    case SceneKind::thing:
      return state_->thing(picture, prompt, parts, foreground.holes);
    case SceneKind::colour:
      return state_->colour(image, picture, prompt, parts, foreground.holes);
    case SceneKind::shape:
      return state_->shape(image, prompt, parts, foreground.holes);
    case SceneKind::position:
      return state_->position(picture, prompt, parts, foreground.holes);
    default:
      return state_->count(picture, prompt, parts, foreground.holes);
  }
}

}  // namespace sd35
