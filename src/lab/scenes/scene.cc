#include "lab/scenes/scene.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "lab/scenes/things.h"

namespace sd35 {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<std::string_view, kSceneKinds> kKinds = {"words",    "thing",   "colour",     "shape",
                                                              "position", "count",   "background", "hybrid",
                                                              "wearing",  "holding", "standing"};
constexpr std::array<std::string_view, 4> kRelations = {"left of", "right of", "above", "below"};
constexpr std::array<std::string_view, 5> kSignForms = {"sign", "wooden sign", "banner", "shirt", "card"};
constexpr std::array<std::string_view, 3> kSizes = {"medium", "small", "big"};
constexpr std::int64_t kMostCounted = 100;  // things of one kind

template <class Names, class Enum>
std::string_view name_of(const Names& names, Enum value) {
  return names[static_cast<std::size_t>(value)];
}

// The inverse of name_of().
template <class Enum, class Names>
Enum value_named(const Names& names, const char* what, std::string_view name) {
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) {
    std::string all;
    for (const std::string_view known : names) all += (all.empty() ? "" : ", ") + std::string(known);
    throw ArgumentError("no " + std::string(what) + " is named '" + std::string(name) + "'; there are " +
                        all);
  }
  return static_cast<Enum>(found - names.begin());
}

Json item_json(const Item& item) {
  Json json;
  json[item.shape ? "shape" : "thing"] = item.name;
  if (!item.colour.empty()) json["colour"] = item.colour;
  return json;
}

// What `sd35 evaluate` looks for; empty for a kind that is not scored.
Json expectation(const Scene& scene) {
  switch (scene.kind) {
    case SceneKind::words:
      return {{"words", scene.sign->words}};
    case SceneKind::thing:
    case SceneKind::colour:
      return item_json(scene.items[0]);
    case SceneKind::shape:
      return {{"shape", scene.items[0].name}, {"colour", scene.items[0].colour}};
    case SceneKind::position:
      return {{"first", item_json(scene.items[0])},
              {"relation", relation_name(scene.relation)},
              {"second", item_json(scene.items[1])}};
    case SceneKind::count: {
      Json json = item_json(scene.items[0]);
      json["count"] = scene.count;
      return json;
    }
    case SceneKind::background:
      return {{"background", scene.background.name}};
    default:
      return Json::object();
  }
}

// What can be seen.
void add_contents(const Scene& scene, Json& json) {
  json["items"] = Json::array();
  for (const Item& item : scene.items) {
    json["items"].push_back(item_json(item));
    if (item.size != ItemSize::medium) json["items"].back()["size"] = name_of(kSizes, item.size);
  }
  if (scene.kind == SceneKind::position) json["relation"] = relation_name(scene.relation);
  if (scene.kind == SceneKind::count) json["count"] = scene.count;
  if (!scene.texture.empty()) json["texture"] = scene.texture;
  if (scene.sign) {
    json["sign"] = {{"form", sign_form_name(scene.sign->form)},
                    {"words", scene.sign->words},
                    {"colour", scene.sign->colour},
                    {"text_colour", scene.sign->text_colour},
                    {"typeface", scene.sign->typeface}};
    if (scene.sign->tracking != 0) json["sign"]["tracking"] = scene.sign->tracking;
  }
  if (!scene.background.name.empty()) json["background"] = scene.background.name;
}

// Everything, so that the picture can be drawn again.
Json whole_scene(const Scene& scene) {
  Json json = {{"kind", scene_kind_name(scene.kind)}};
  add_contents(scene, json);
  const Rgb& rgb = scene.background.rgb;
  json["background_rgb"] = {rgb.red, rgb.green, rgb.blue};
  json["layout_seed"] = scene.layout_seed;
  return json;
}

std::int64_t whole_number(const Json& json, const char* what, std::int64_t min, std::int64_t max) {
  const std::int64_t number = json.is_number_integer() ? json.get<std::int64_t>() : min - 1;
  if (number < min || number > max)
    throw ArgumentError(std::string(what) + " must be a whole number from " + std::to_string(min) + " to " +
                        std::to_string(max));
  return number;
}

Item item_from_json(const Json& json) {
  Item item;
  item.shape = json.contains("shape");
  item.name = json.at(item.shape ? "shape" : "thing").get<std::string>();
  item.colour = json.value("colour", "");
  item.size = value_named<ItemSize>(kSizes, "size", json.value("size", "medium"));
  return item;
}

void check_colour(const std::string& name) {
  if (!find_colour(name)) throw ArgumentError("no colour is named '" + name + "'");
}

Sign sign_from_json(const Json& json) {
  Sign sign;
  sign.form = value_named<SignForm>(kSignForms, "form of a sign", json.at("form").get<std::string>());
  sign.words = json.at("words").get<std::vector<std::string>>();
  sign.colour = json.at("colour").get<std::string>();
  sign.text_colour = json.at("text_colour").get<std::string>();
  sign.typeface = static_cast<int>(whole_number(json.at("typeface"), "the typeface", 0, kTypefaces - 1));
  sign.tracking = json.value("tracking", 0.0);
  return sign;
}

void check_item(const Item& item) {
  if (!item.colour.empty() || item.shape) check_colour(item.colour);
  if (!item.shape)
    thing_named(item.name);
  else if (std::ranges::find(shape_names(), item.name) == shape_names().end())
    throw ArgumentError("no shape is named '" + item.name + "'");
}

void check_tracking(double tracking) {
  if (!(tracking >= 0 && tracking <= 1))
    throw ArgumentError("the tracking must be from 0 to 1 font sizes, not " + std::to_string(tracking));
}

// Lettering tries every way to break the words into lines, and measures them.
void check_sign(const Sign& sign) {
  const auto cannot_be_read = [](const std::string& word) {
    return word.size() > kLongestCaption || word.find_first_not_of(" \t\r\n") == word.npos;
  };
  if (sign.words.size() > kMostWords || std::ranges::any_of(sign.words, cannot_be_read))
    throw ArgumentError("a sign has one to " + std::to_string(kMostWords) + " words of up to " +
                        std::to_string(kLongestCaption) + " bytes, none of them blank");
  check_tracking(sign.tracking);
  check_colour(sign.colour);
  check_colour(sign.text_colour);
}

void check_parts(const Scene& scene) {
  const bool two = scene.kind == SceneKind::position || scene.kind == SceneKind::wearing ||
                   scene.kind == SceneKind::holding || scene.kind == SceneKind::standing;
  const bool words = scene.kind == SceneKind::words;
  if (words ? !scene.sign || scene.sign->words.empty() || scene.items.size() > 1
            : scene.items.size() != (two ? 2U : 1U))
    throw ArgumentError("a scene of kind " + std::string(scene_kind_name(scene.kind)) +
                        " with parts missing");
  for (const Item& item : scene.items) check_item(item);
  if (scene.sign) check_sign(*scene.sign);
}

}  // namespace

std::string_view scene_kind_name(SceneKind kind) { return name_of(kKinds, kind); }

SceneKind scene_kind_from_name(std::string_view name) {
  return value_named<SceneKind>(kKinds, "kind of scene", name);
}

Relation relation_from_name(std::string_view name) {
  return value_named<Relation>(kRelations, "relation", name);
}

std::string_view relation_name(Relation relation) { return name_of(kRelations, relation); }
std::string_view sign_form_name(SignForm form) { return name_of(kSignForms, form); }

std::string text_on(const Sign& sign) {
  std::string text;
  for (const std::string& word : sign.words) text += (text.empty() ? "" : " ") + word;
  return text;
}

bool is_place(std::string_view background) {
  return background == "beach" || background == "night" || background == "forest";
}

std::string scene_json(const Scene& scene) {
  Json json = {{"kind", scene_kind_name(scene.kind)}, {"expect", expectation(scene)}};
  add_contents(scene, json);
  return json.dump();
}

std::string evaluation_prompt_json(const Scene& scene) {
  if (static_cast<std::size_t>(scene.kind) >= kScoredKinds)
    throw ArgumentError("scenes of kind " + std::string(scene_kind_name(scene.kind)) + " are not scored");
  const Json json = {{"prompt", scene.caption},
                     {"kind", scene_kind_name(scene.kind)},
                     {"expect", expectation(scene)},
                     {"scene", whole_scene(scene)}};
  return json.dump();
}

Scene scene_from_json(const std::string& text) {
  try {
    const Json json = Json::parse(text);
    Scene scene;
    scene.kind = scene_kind_from_name(json.at("kind").get<std::string>());
    for (const Json& item : json.at("items")) scene.items.push_back(item_from_json(item));
    if (json.contains("relation")) scene.relation = relation_from_name(json["relation"].get<std::string>());
    scene.count = static_cast<int>(whole_number(json.value("count", Json(1)), "the count", 1, kMostCounted));
    scene.texture = json.value("texture", "");
    if (json.contains("sign")) scene.sign = sign_from_json(json["sign"]);
    const auto level = [&](std::size_t channel) {
      return static_cast<std::uint8_t>(
          whole_number(json.at("background_rgb").at(channel), "background_rgb", 0, 255));
    };
    scene.background = {json.value("background", ""), {level(0), level(1), level(2)}};
    if (!json.at("layout_seed").is_number_unsigned())
      throw ArgumentError("layout_seed must be a whole number from 0");
    scene.layout_seed = json.at("layout_seed").get<std::uint64_t>();
    check_parts(scene);
    return scene;
  } catch (const Json::exception& error) {
    throw ArgumentError(std::string("a scene that cannot be drawn: ") + error.what());
  }
}

}  // namespace sd35
