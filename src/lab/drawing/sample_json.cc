#include "lab/drawing/sample_json.h"

#include <cmath>
#include <nlohmann/json.hpp>

namespace sd35 {
namespace {

using Json = nlohmann::ordered_json;

Json box_json(double x, double y, double width, double height) {
  Json box = Json::array();
  for (const double value : {x, y, width, height}) box.push_back(std::round(value * 10) / 10);
  return box;
}

}  // namespace

std::string sample_json(const Scene& scene, const Rendering& rendering) {
  Json json = Json::parse(scene_json(scene));
  Json& boxes = json["boxes"] = Json::array();
  for (const Placement& place : rendering.placements)
    boxes.push_back({{"name", place.name}, {"box", box_json(place.x, place.y, place.width, place.height)}});
  if (rendering.letters.empty()) return json.dump();
  Json& letters = json["letters"] = Json::array();
  for (const Letter& letter : rendering.letters)
    letters.push_back({{"letter", letter.character},
                       {"index", letter.index},
                       {"word", letter.word},
                       {"line", letter.line},
                       {"box", box_json(letter.x, letter.y, letter.width, letter.height)}});
  return json.dump();
}

}  // namespace sd35
