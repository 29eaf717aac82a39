#include <algorithm>
#include <span>

#include "core/error.h"
#include "lab/scenes/caption.h"
#include "lab/scenes/held_out.h"
#include "lab/scenes/scene.h"
#include "lab/scenes/scene_random.h"
#include "lab/scenes/things.h"
#include "lab/scenes/words.h"

namespace sd35 {
namespace {

constexpr std::string_view kPlaces[] = {"beach", "night", "forest"};
constexpr Rgb kTints[] = {{255, 255, 255}, {255, 255, 255}, {255, 247, 228}, {226, 240, 252},
                          {252, 230, 238}, {230, 246, 228}, {238, 238, 240}, {238, 230, 250}};

struct SignColours {
  std::string_view board;
  std::string_view text;
};
// Mostly dark on light.
constexpr SignColours kSignColours[] = {
    {"white", "black"}, {"white", "black"},  {"white", "black"}, {"white", "black"},  {"white", "blue"},
    {"white", "red"},   {"white", "purple"}, {"white", "green"}, {"yellow", "black"}, {"yellow", "blue"},
    {"pink", "black"},  {"orange", "black"}, {"black", "white"}, {"blue", "white"},   {"red", "white"},
    {"green", "white"}, {"purple", "white"}, {"white", "brown"}};

// An index into `shares`, each as often as its share of their sum.
std::size_t roll_share(SceneRandom& random, std::span<const double> shares) {
  double total = 0;
  for (const double share : shares) total += share;
  double left = random.between(0, total);
  std::size_t place = 0;
  while (place + 1 < shares.size() && left >= shares[place]) left -= shares[place++];
  while (shares[place] <= 0) --place;  // rounding ran past the last one with a share
  return place;
}

// The things that have all of `abilities`.
std::vector<const Thing*> things_that_can(std::uint16_t abilities, const SceneOptions& options) {
  if (options.common_things_only) abilities |= kCommon;
  std::vector<const Thing*> chosen;
  for (const Thing& thing : all_things())
    if (thing.can(abilities)) chosen.push_back(&thing);
  return chosen;
}

class Sampler {
 public:
  Sampler(SceneRandom& random, const SceneOptions& options) : random_(random), options_(options) {}

  Scene sample(SceneKind kind) {
    Scene scene;
    scene.kind = kind;
    switch (kind) {
      case SceneKind::words:
        add_words(scene);
        break;
      case SceneKind::thing:
        scene.items = {thing(0)};
        break;
      case SceneKind::colour:
        scene.items = {tinted(0)};
        break;
      case SceneKind::shape:
        scene.items = {shape()};
        break;
      case SceneKind::position:
        add_position(scene);
        break;
      case SceneKind::count:
        add_count(scene);
        break;
      case SceneKind::background:
        scene.items = {any_item(0.3)};
        break;
      case SceneKind::hybrid:
        add_hybrid(scene);
        break;
      case SceneKind::wearing:
        add_wearing(scene);
        break;
      case SceneKind::holding:
        add_pair(scene, kHolder, kHeld);
        break;
      case SceneKind::standing:
        add_pair(scene, kBody, kBase);
        break;
    }
    if (kind == SceneKind::thing || kind == SceneKind::colour || kind == SceneKind::shape)
      scene.items[0].size = size();
    scene.background = background(kind);
    scene.layout_seed = random_.next();
    return scene;
  }

 private:
  // The capybara occurs as often as ten other animals.
  Item thing(std::uint16_t abilities) {
    const std::vector<const Thing*> choices = things_that_can(abilities, options_);
    const Thing& capybara = thing_named("capybara");
    if (capybara.can(abilities) && random_.below(choices.size() + 10) < 10) return {.name = "capybara"};
    return {.name = std::string(random_.pick(std::span<const Thing* const>(choices))->name)};
  }
  Item tinted(std::uint16_t abilities) {
    Item item = thing(abilities | kTinted);
    item.colour = colour();
    return item;
  }
  Item shape() {
    return {.name = std::string(random_.pick(shape_names())), .shape = true, .colour = colour()};
  }
  Item any_item(double shapes) {
    if (random_.chance(shapes)) return shape();
    return random_.chance(0.3) ? tinted(0) : thing(0);
  }
  std::string colour() { return std::string(random_.pick(named_colours()).name); }
  ItemSize size() {
    if (random_.chance(0.7)) return ItemSize::medium;
    return random_.chance(0.5) ? ItemSize::small : ItemSize::big;
  }

  Background background(SceneKind kind) {
    Background plain{.name = "", .rgb = random_.pick(kTints)};
    const bool wanted =
        kind == SceneKind::background || (kind == SceneKind::thing && options_.split == Split::heldout);
    if (options_.plain_backgrounds_only && !wanted) return plain;
    if (!wanted && random_.chance(0.6)) return plain;
    if (random_.chance(0.5)) return {.name = std::string(random_.pick(kPlaces)), .rgb = {}};
    const NamedColour& named = random_.pick(named_colours());
    return {.name = std::string(named.name), .rgb = named.rgb};
  }

  std::string word(std::size_t longest) {
    const auto source = static_cast<WordSource>(roll_share(random_, options_.word_sources));
    const std::size_t least = options_.shortest_word;
    const std::size_t most = std::clamp(longest, least, options_.longest_word);
    if (source != WordSource::random) return roll_word(random_, source, least, most);
    return roll_word(random_, source, least, std::clamp<std::size_t>(5, least, most));
  }

  // all lower, Capitalized or ALL UPPER, the same for all words of a sign.
  static void set_case(std::string& word, std::size_t style) {
    for (std::size_t i = 0; i < word.size(); ++i)
      if ((style == 2 || (style == 1 && i == 0)) && word[i] >= 'a' && word[i] <= 'z')
        word[i] = static_cast<char>(word[i] - 'a' + 'A');
  }

  std::vector<std::string> text(bool shirt) {
    double chosen = options_.said.empty() ? 0 : random_.between(0, 1);
    for (const SaidWords& said : options_.said)
      if ((chosen -= said.share) < 0) return said.words;
    const double amount = random_.between(0, 1);
    const std::size_t count = std::clamp<std::size_t>(amount < 0.5    ? 1
                                                      : amount < 0.85 ? 2
                                                                      : 3,
                                                      options_.fewest_words, options_.most_words);
    const std::size_t style = random_.below(3);
    std::vector<std::string> words;
    for (std::size_t i = 0; i < count; ++i) {
      words.push_back(word(count == 3 ? 5 : shirt ? 6 : 8));
      set_case(words.back(), style);
    }
    return words;
  }

  void add_words(Scene& scene) {
    Sign sign;
    const double form = random_.between(0, 1);
    const bool held = random_.chance(0.6);
    const bool shirt = form > 0.85;
    if (shirt)
      sign.form = SignForm::shirt;
    else if (form < 0.6)
      sign.form = held || random_.chance(0.6) ? SignForm::board : SignForm::post;
    else
      sign.form = form < 0.72 ? SignForm::banner : SignForm::card;
    sign.words = text(shirt);
    sign.typeface = static_cast<int>(roll_share(random_, options_.typefaces));
    sign.tracking = options_.tracking;
    const SignColours& colours = random_.pick(kSignColours);
    sign.colour = sign.form == SignForm::post ? "brown" : std::string(colours.board);
    sign.text_colour = sign.form == SignForm::post ? "white" : std::string(colours.text);
    if (held) scene.items = {thing(shirt ? kHolder | kFace : kHolder)};
    scene.sign = std::move(sign);
  }

  void add_position(Scene& scene) {
    scene.items = {any_item(0.55), any_item(0.55)};
    scene.relation = static_cast<Relation>(random_.below(4));
  }

  void add_count(Scene& scene) {
    scene.items = {any_item(0.5)};
    scene.count = 1 + static_cast<int>(random_.below(4));
    if (options_.split == Split::heldout) scene.count = std::max(scene.count, 2);
  }

  void add_hybrid(Scene& scene) {
    scene.items = {thing(kBody)};
    scene.texture = random_.pick(texture_names());
  }

  void add_wearing(Scene& scene) {
    const Item who = thing(kHolder | kFace);
    const double what = random_.between(0, 1);
    scene.items = {who, what < 0.3 ? thing(kGlasses) : what < 0.6 ? tinted(kHat) : thing(kHat)};
  }

  void add_pair(Scene& scene, std::uint16_t who, std::uint16_t what) {
    scene.items = {thing(who), random_.chance(0.3) ? tinted(what) : thing(what)};
  }

  SceneRandom& random_;
  const SceneOptions& options_;
};

std::string colour_of(const Item& item) {
  if (!item.colour.empty() || item.shape) return item.colour;
  return std::string(thing_named(item.name).colour);
}

// Whether something would be invisible: an item or a sign in the background's colour, or the same item twice.
bool is_muddled(const Scene& scene) {
  std::string background = scene.background.name;
  if (background.empty()) background = "white";
  if (background == "night") background = "black";
  if (background == "forest") background = "green";
  for (const Item& item : scene.items) {
    if (colour_of(item) == background) return true;
    if (item.shape && !item.colour.empty() && background == "beach" && item.colour == "yellow") return true;
    if (item.name == scene.texture) return true;
  }
  if (scene.items.size() == 2 && scene.items[0].name == scene.items[1].name) return true;
  if (scene.kind == SceneKind::count && !scene.items[0].shape && !countable(scene.items[0].name)) return true;
  return scene.sign && scene.sign->colour == background && scene.sign->colour != "white";
}

void check_shares(std::span<const double> shares, const char* of_what) {
  const auto bad_share = [](double share) { return !(share >= 0 && share <= 1e6); };
  if (std::ranges::any_of(shares, bad_share) ||
      std::ranges::none_of(shares, [](double share) { return share > 0; }))
    throw ArgumentError("the mix of " + std::string(of_what) +
                        " needs shares from 0 up, at least one above 0");
}

void check_said(const std::vector<SaidWords>& texts) {
  double total = 0;
  for (const SaidWords& said : texts) {
    if (said.words.empty() || said.words.size() > kMostWords)
      throw ArgumentError("a sign that says the same again and again has 1 to " + std::to_string(kMostWords) +
                          " words, not " + std::to_string(said.words.size()));
    if (!(said.share > 0)) throw ArgumentError("the share of a text on the signs must be above 0");
    total += said.share;
  }
  if (total > 1) throw ArgumentError("the shares of texts on the signs are more than 1 together");
}

void check_options(const SceneOptions& options) {
  check_shares(options.mix, "kinds");
  check_shares(options.word_sources, "sources of words");
  check_shares(options.typefaces, "typefaces");
  check_said(options.said);
  if (options.fewest_words < 1 || options.most_words > kMostWords ||
      options.fewest_words > options.most_words)
    throw ArgumentError("a sign has 1 to 3 words, not " + std::to_string(options.fewest_words) + " to " +
                        std::to_string(options.most_words));
  if (options.shortest_word < 2 || options.longest_word > 8 || options.shortest_word > options.longest_word)
    throw ArgumentError("words have 2 to 8 letters, not " + std::to_string(options.shortest_word) + " to " +
                        std::to_string(options.longest_word));
  if (!(options.tracking >= 0 && options.tracking <= 1))
    throw ArgumentError("the tracking must be from 0 to 1 font sizes");
}

}  // namespace

Scene sample_scene(std::uint64_t seed, std::uint64_t index, const SceneOptions& options) {
  check_options(options);
  SceneRandom random(seed, scramble(index * 2 + (options.split == Split::heldout ? 1 : 0)));
  const auto kind = static_cast<SceneKind>(roll_share(random, options.mix));
  Sampler sampler(random, options);
  // About one scene in twelve is held out; with three words, one in two thousand.
  constexpr int kAttempts = 200'000;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    Scene scene = sampler.sample(kind);
    if (is_muddled(scene) || !fits_split(scene, options.split)) continue;
    scene.caption = roll_caption(scene, random);
    if (scene.caption.size() <= kLongestCaption) return scene;
  }
  throw ArgumentError("no scene of kind " + std::string(scene_kind_name(kind)) +
                      " satisfies these options; allow longer words or more things");
}

}  // namespace sd35
