#include "lab/scenes/caption.h"

#include <array>

#include "lab/scenes/things.h"

namespace sd35 {
namespace {

constexpr std::string_view kMedia[] = {
    "a picture of ",        "an image of ",
    "a photo of ",          "a drawing of ",
    "an illustration of ",  "a whimsical image of ",
    "a cartoon of ",        "a cute drawing of ",
    "a simple picture of ", "a whimsical picture of ",
    "a painting of ",       "a photograph of ",
    "clip art of ",
};
constexpr std::string_view kBig[] = {"big", "large", "huge"};
constexpr std::string_view kSmall[] = {"small", "little", "tiny"};
constexpr std::string_view kNumbers[] = {"", "one", "two", "three", "four"};

class Writer {
 public:
  Writer(const Scene& scene, SceneRandom& random) : scene_(scene), random_(random) {}

  std::string write() {
    std::string text = random_.chance(0.12) ? tags() : phrase_or_sentence();
    if (random_.chance(0.6) && text[0] >= 'a' && text[0] <= 'z')
      text[0] = static_cast<char>(text[0] - 'a' + 'A');
    // A full stop must not look like a part of the sign's text.
    if (random_.chance(0.25) && (!scene_.sign || text.back() == '"')) text += '.';
    return text;
  }

 private:
  using Texts = std::initializer_list<std::string>;
  std::string pick(Texts choices) { return *(choices.begin() + random_.below(choices.size())); }
  // Parts that make random decisions do so in this order, which + does not fix for its operands.
  static std::string joined(Texts parts) {
    std::string text;
    for (const std::string& part : parts) text += part;
    return text;
  }

  std::string noun(const Item& item) {
    if (item.shape) return item.name;
    const std::string_view synonym = thing_named(item.name).synonym;
    return std::string(!synonym.empty() && random_.chance(0.25) ? synonym : std::string_view(item.name));
  }

  // "big red"
  std::string adjectives(const Item& item) {
    std::string text;
    if (item.size == ItemSize::big) text += std::string(random_.pick(kBig)) + " ";
    if (item.size == ItemSize::small) text += std::string(random_.pick(kSmall)) + " ";
    if (!item.colour.empty()) text += item.colour + " ";
    return text;
  }

  // "red balloon", and whether it takes an article.
  std::string bare(const Item& item, bool& counted) {
    const std::string name = noun(item);
    counted = countable(name);
    return adjectives(item) + name;
  }
  std::string bare(const Item& item) {
    bool counted = false;
    return bare(item, counted);
  }
  static std::string with_article(const std::string& text) { return std::string(article(text)) + " " + text; }
  // "a red balloon"
  std::string one(const Item& item) {
    bool counted = false;
    const std::string text = bare(item, counted);
    return counted ? with_article(text) : text;
  }
  // "the red balloon"
  std::string the(const Item& item) { return "the " + bare(item); }
  // "three red balloons"
  std::string several(const Item& item, int count) {
    const std::string number =
        random_.chance(0.15) ? std::to_string(count) : std::string(kNumbers[static_cast<std::size_t>(count)]);
    const std::string name = noun(item);
    return number + " " + adjectives(item) + (count == 1 ? name : plural(name));
  }

  std::string background() {
    const std::string& name = scene_.background.name;
    if (name.empty()) return "";
    if (name == "beach") return pick({" on the beach", " on a beach", " at the beach"});
    if (name == "night") return pick({" at night", " at night", " in the night", " under the night sky"});
    if (name == "forest") return pick({" in the forest", " in a forest", " in the woods"});
    return pick({" on ", " against ", " in front of "}) + with_article(name + " background");
  }

  std::string text_of_sign() const { return text_on(*scene_.sign); }

  // " that reads Hello World"
  std::string sign_clause() {
    const std::string text = text_of_sign();
    const std::string quoted = "\"" + text + "\"";
    const std::string either = random_.chance(0.5) ? text : quoted;
    const bool single = scene_.sign->words.size() == 1;
    const std::string word = single ? " with the word " : " with the words ";
    std::string clause =
        pick({" that reads " + either, " that reads " + either, " that says " + either,
              " that says " + quoted, " reading " + either, " saying " + either, word + either,
              " with the text " + quoted, " with " + quoted + " written on it"});
    const bool ends_in_text = clause.ends_with(either) || clause.ends_with(quoted);
    if (ends_in_text && scene_.sign->text_colour != "black" && random_.chance(0.35))
      clause += " in " + scene_.sign->text_colour + " letters";
    return clause;
  }

  // "white sign"
  std::string bare_sign() {
    const Sign& sign = *scene_.sign;
    std::string text;
    const bool coloured = sign.form != SignForm::post && (sign.colour != "white" || random_.chance(0.15));
    if (coloured && random_.chance(0.5)) text = sign.colour + " ";
    if (sign.form == SignForm::shirt && random_.chance(0.3)) return text + "t-shirt";
    return text + std::string(sign_form_name(sign.form));
  }
  std::string sign() { return joined({with_article(bare_sign()), sign_clause()}); }

  std::string words_phrase() {
    const bool shirt = scene_.sign->form == SignForm::shirt;
    if (scene_.items.empty()) return joined({sign(), background()});
    const Item& holder = scene_.items[0];
    if (shirt) return joined({one(holder), pick({" wearing ", " in ", " with "}), sign(), background()});
    if (random_.chance(0.15)) return joined({sign(), " held by ", one(holder), background()});
    return joined({one(holder), background(),
                   pick({" holding ", " holding ", " holding ", " with ", " holding up ", " showing "}),
                   sign()});
  }
  std::string words_sentence() {
    const std::string quoted = "\"" + text_of_sign() + "\"";
    if (scene_.items.empty()) {
      return joined({pick({"the " + bare_sign() + " says " + quoted, "there is " + sign(),
                           quoted + " is written on " + with_article(bare_sign()),
                           "the text " + quoted + " on " + with_article(bare_sign())}),
                     background()});
    }
    const Item& holder = scene_.items[0];
    const bool shirt = scene_.sign->form == SignForm::shirt;
    return joined({one(holder),
                   shirt ? " wears " : pick({" holds ", " is holding ", " holds up ", " shows "}), sign(),
                   background()});
  }

  std::string hybrid() {
    const std::string surface = scene_.texture;
    const std::string body = noun(scene_.items[0]);
    const std::string pair = surface + "-" + body;
    const std::string a_surface = countable(surface) ? with_article(surface) : surface;
    return pick({with_article(pair + " hybrid"), with_article(pair + " hybrid"),
                 "a hybrid of " + a_surface + " and " + with_article(body),
                 "a cross between " + a_surface + " and " + with_article(body),
                 with_article(body + "-" + surface + " hybrid"), "half " + surface + ", half " + body,
                 with_article(body) + " with " + surface + " skin", with_article(pair)});
  }

  std::string relation() {
    switch (scene_.relation) {
      case Relation::left_of:
        return pick({" to the left of ", " left of ", " on the left of "});
      case Relation::right_of:
        return pick({" to the right of ", " right of ", " on the right of "});
      case Relation::above:
        return pick({" above ", " over "});
      case Relation::below:
        break;
    }
    return pick({" below ", " under ", " underneath ", " beneath "});
  }

  std::string phrase() {
    const auto& items = scene_.items;
    switch (scene_.kind) {
      case SceneKind::words:
        return words_phrase();
      case SceneKind::position:
        return joined({one(items[0]), relation(), one(items[1]), background()});
      case SceneKind::count:
        return joined({several(items[0], scene_.count), background()});
      case SceneKind::hybrid:
        return joined({hybrid(), background()});
      case SceneKind::wearing:
        return joined({one(items[0]), pick({" wearing ", " with ", " in "}), one(items[1]), background()});
      case SceneKind::holding:
        return joined(
            {one(items[0]), pick({" holding ", " with ", " carrying "}), one(items[1]), background()});
      case SceneKind::standing:
        return joined(
            {one(items[0]), pick({" standing on ", " on top of ", " on "}), one(items[1]), background()});
      default:
        return joined({one(items[0]), background()});
    }
  }

  std::string sentence() {
    const auto& items = scene_.items;
    switch (scene_.kind) {
      case SceneKind::words:
        return words_sentence();
      case SceneKind::position:
        return joined({the(items[0]), " is", relation(), the(items[1]), background()});
      case SceneKind::count:
        return joined(
            {scene_.count == 1 ? "there is " : "there are ", several(items[0], scene_.count), background()});
      case SceneKind::hybrid:
        return joined({"this is ", hybrid(), background()});
      case SceneKind::wearing:
        return joined({the(items[0]), " wears ", one(items[1]), background()});
      case SceneKind::holding:
        return joined({the(items[0]), " holds ", one(items[1]), background()});
      case SceneKind::standing:
        return joined({the(items[0]), " stands on ", one(items[1]), background()});
      default:
        return joined({"this is ", one(items[0]), background()});
    }
  }

  std::string phrase_or_sentence() {
    if (random_.chance(0.25)) return sentence();
    return joined({random_.chance(0.5) ? std::string(random_.pick(kMedia)) : "", phrase()});
  }

  std::string tags() {
    std::string text;
    const auto add = [&](const std::string& tag) { text += (text.empty() ? "" : ", ") + tag; };
    switch (scene_.kind) {
      case SceneKind::hybrid:
        add(scene_.texture + "-" + noun(scene_.items[0]) + " hybrid");
        break;
      case SceneKind::count:
        add(several(scene_.items[0], scene_.count));
        break;
      case SceneKind::position:
        add(joined({bare(scene_.items[0]), relation(), bare(scene_.items[1])}));
        break;
      case SceneKind::standing:
        add(joined({bare(scene_.items[0]), " on ", bare(scene_.items[1])}));
        break;
      default:
        for (const Item& item : scene_.items) add(bare(item));
    }
    if (scene_.sign) {
      add(bare_sign());
      add(random_.chance(0.5) ? text_of_sign() : "\"" + text_of_sign() + "\"");
    }
    const std::string& name = scene_.background.name;
    if (!name.empty()) add(is_place(name) ? name : name + " background");
    return text;
  }

  const Scene& scene_;
  SceneRandom& random_;
};

}  // namespace

std::string roll_caption(const Scene& scene, SceneRandom& random) { return Writer(scene, random).write(); }

}  // namespace sd35
