#include "scenes/scene.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/error.h"

namespace sd35 {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<std::string_view, kSceneKinds> kKinds = {"words",    "thing",   "colour",     "shape",
                                                              "position", "count",   "background", "hybrid",
                                                              "wearing",  "holding", "standing"};
constexpr std::array<std::string_view, 4> kRelations = {"left of", "right of", "above", "below"};
constexpr std::array<std::string_view, 5> kSignForms = {"sign", "wooden sign", "banner", "shirt", "card"};
constexpr std::array<std::string_view, 3> kSizes = {"medium", "small", "big"};

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

// What there is to see.
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
  }
  if (!scene.background.name.empty()) json["background"] = scene.background.name;
}

// Everything: the picture can be drawn again.
Json whole_scene(const Scene& scene) {
  Json json = {{"kind", scene_kind_name(scene.kind)}};
  add_contents(scene, json);
  const Rgb& rgb = scene.background.rgb;
  json["background_rgb"] = {rgb.red, rgb.green, rgb.blue};
  json["layout_seed"] = scene.layout_seed;
  return json;
}

Item item_from_json(const Json& json) {
  Item item;
  item.shape = json.contains("shape");
  item.name = json.at(item.shape ? "shape" : "thing").get<std::string>();
  item.colour = json.value("colour", "");
  item.size = value_named<ItemSize>(kSizes, "size", json.value("size", "medium"));
  return item;
}

Sign sign_from_json(const Json& json) {
  Sign sign;
  sign.form = value_named<SignForm>(kSignForms, "form of a sign", json.at("form").get<std::string>());
  sign.words = json.at("words").get<std::vector<std::string>>();
  sign.colour = json.at("colour").get<std::string>();
  sign.text_colour = json.at("text_colour").get<std::string>();
  sign.typeface = json.at("typeface").get<int>();
  if (sign.typeface < 0 || sign.typeface >= kTypefaces)
    throw ArgumentError("no typeface has the number " + std::to_string(sign.typeface));
  return sign;
}

void check_parts(const Scene& scene) {
  const bool two = scene.kind == SceneKind::position || scene.kind == SceneKind::wearing ||
                   scene.kind == SceneKind::holding || scene.kind == SceneKind::standing;
  const bool words = scene.kind == SceneKind::words;
  if (words ? !scene.sign || scene.sign->words.empty() || scene.items.size() > 1
            : scene.items.size() != (two ? 2U : 1U))
    throw ArgumentError("a scene of kind " + std::string(scene_kind_name(scene.kind)) +
                        " with parts missing");
  const auto check_colour = [](const std::string& name) {
    if (!name.empty() && !find_colour(name)) throw ArgumentError("no colour is named '" + name + "'");
  };
  for (const Item& item : scene.items) check_colour(item.colour);
  if (scene.sign) {
    check_colour(scene.sign->colour);
    check_colour(scene.sign->text_colour);
  }
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
    scene.count = json.value("count", 1);
    scene.texture = json.value("texture", "");
    if (json.contains("sign")) scene.sign = sign_from_json(json["sign"]);
    const auto rgb = json.at("background_rgb").get<std::array<std::uint8_t, 3>>();
    scene.background = {json.value("background", ""), {rgb[0], rgb[1], rgb[2]}};
    scene.layout_seed = json.at("layout_seed").get<std::uint64_t>();
    check_parts(scene);
    return scene;
  } catch (const Json::exception& error) {
    throw ArgumentError(std::string("a scene that cannot be drawn: ") + error.what());
  }
}

}  // namespace sd35
