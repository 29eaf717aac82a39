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

}  // namespace

std::string_view scene_kind_name(SceneKind kind) { return name_of(kKinds, kind); }

SceneKind scene_kind_from_name(std::string_view name) {
  const auto* found = std::ranges::find(kKinds, name);
  if (found == kKinds.end()) {
    std::string all;
    for (const std::string_view kind : kKinds) all += (all.empty() ? "" : ", ") + std::string(kind);
    throw ArgumentError("no kind of scene is named '" + std::string(name) + "'; there are " + all);
  }
  return static_cast<SceneKind>(found - kKinds.begin());
}

std::string_view relation_name(Relation relation) { return name_of(kRelations, relation); }
std::string_view sign_form_name(SignForm form) { return name_of(kSignForms, form); }

bool is_place(std::string_view background) {
  return background == "beach" || background == "night" || background == "forest";
}

std::string scene_json(const Scene& scene) {
  Json json = {{"kind", scene_kind_name(scene.kind)}, {"expect", expectation(scene)}};
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
  return json.dump();
}

std::string evaluation_prompt_json(const Scene& scene) {
  if (static_cast<std::size_t>(scene.kind) >= kScoredKinds)
    throw ArgumentError("scenes of kind " + std::string(scene_kind_name(scene.kind)) + " are not scored");
  const Json json = {
      {"prompt", scene.caption}, {"kind", scene_kind_name(scene.kind)}, {"expect", expectation(scene)}};
  return json.dump();
}

}  // namespace sd35
