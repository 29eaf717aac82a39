// Scenes that come from somebody else's file of prompts.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "lab/scenes/scene.h"

namespace sd35 {
namespace {

using Json = nlohmann::json;

const Json kWords = {{"kind", "words"},
                     {"items", Json::array()},
                     {"sign",
                      {{"form", "sign"},
                       {"words", {"HELLO", "you"}},
                       {"colour", "white"},
                       {"text_colour", "black"},
                       {"typeface", 7},
                       {"tracking", 0.05}}},
                     {"background_rgb", {1, 2, 255}},
                     {"layout_seed", 5}};
const Json kCount = {{"kind", "count"},
                     {"items", {{{"thing", "cat"}}}},
                     {"count", 3},
                     {"background_rgb", {1, 2, 255}},
                     {"layout_seed", 5}};

// `scene` with another value at a place such as "/sign/words".
Scene with(Json scene, const std::string& place, const Json& value) {
  scene[Json::json_pointer(place)] = value;
  return scene_from_json(scene.dump());
}

TEST(SceneFromJson, SurvivesBeingWritten) {
  for (const Json& json : {kWords, kCount}) {
    const Scene scene = scene_from_json(json.dump());
    const Json written = Json::parse(evaluation_prompt_json(scene)).at("scene");
    EXPECT_EQ(written, json);
  }
}

TEST(SceneFromJson, RefusesWhatNoPictureShows) {
  for (const Json& count : {Json(0), Json(-1), Json(1'000'000'000), Json(1e30), Json("3"), Json()})
    EXPECT_THROW(with(kCount, "/count", count), ArgumentError) << count;
  for (const Json& item :
       {Json{{"thing", "no such thing"}}, Json{{"shape", "circle"}},
        Json{{"shape", "blob"}, {"colour", "red"}}, Json{{"thing", "cat"}, {"colour", "mauve"}}})
    EXPECT_THROW(with(kCount, "/items/0", item), ArgumentError) << item;
  for (const Json& level : {Json(256), Json(-1), Json(0.5)})
    EXPECT_THROW(with(kCount, "/background_rgb/1", level), ArgumentError) << level;
  for (const Json& seed : {Json(-1), Json(0.5), Json("5")})
    EXPECT_THROW(with(kCount, "/layout_seed", seed), ArgumentError) << seed;
}

// Lettering tries every way to break the words of a sign into lines, and divides by their size.
TEST(SceneFromJson, RefusesSignsThatCannotBeLettered) {
  for (const Json& words : {Json(std::vector<std::string>(40, "a")), Json::array(), Json{"HELLO", ""},
                            Json{" "}, Json{std::string(1000, 'a')}})
    EXPECT_THROW(with(kWords, "/sign/words", words), ArgumentError) << words;
  for (const Json& typeface : {Json(-1), Json(kTypefaces), Json(4294967296), Json(1.5)})
    EXPECT_THROW(with(kWords, "/sign/typeface", typeface), ArgumentError) << typeface;
  for (const Json& tracking : {Json(-0.1), Json(1.1), Json("wide")})
    EXPECT_THROW(with(kWords, "/sign/tracking", tracking), ArgumentError) << tracking;
  for (const char* key : {"/sign/colour", "/sign/text_colour"})
    EXPECT_THROW(with(kWords, key, ""), ArgumentError) << key;
}

}  // namespace
}  // namespace sd35
