#include "lab/scoring/prompt_file.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "core/config_file.h"
#include "core/error.h"
#include "core/file_reader.h"
#include "lab/scenes/things.h"

namespace sd35 {
namespace {

constexpr std::uint64_t kLargestFile = 64'000'000;
constexpr std::int64_t kMostCounted = 1000;

Item item_of(const nlohmann::json& json) {
  Item item;
  item.shape = json.contains("shape");
  item.name = json.at(item.shape ? "shape" : "thing").get<std::string>();
  item.colour = json.value("colour", "");
  if (!item.colour.empty() && !find_colour(item.colour))
    throw ArgumentError("no colour is named " + item.colour);
  if (item.shape ? std::ranges::find(shape_names(), item.name) == shape_names().end() || item.colour.empty()
                 : !item.colour.empty() && !thing_named(item.name).can(kTinted))
    throw ArgumentError("no scene shows a " + item.colour + " " + item.name);
  if (!item.shape) thing_named(item.name);
  return item;
}

void read_expectation(const nlohmann::json& expect, ScenePrompt& prompt) {
  switch (*prompt.kind) {
    case SceneKind::words:
      prompt.words = expect.at("words").get<std::vector<std::string>>();
      if (prompt.words.empty()) throw ArgumentError("no words to read");
      break;
    case SceneKind::position:
      prompt.items = {item_of(expect.at("first")), item_of(expect.at("second"))};
      prompt.relation = relation_from_name(expect.at("relation").get<std::string>());
      break;
    case SceneKind::background:
      prompt.background = expect.at("background").get<std::string>();
      break;
    default:
      prompt.items = {item_of(expect)};
      prompt.count = static_cast<int>(ConfigReader(expect, "expect").integer("count", 1, kMostCounted, 1));
  }
}

ScenePrompt parse_line(std::string_view line) {
  const nlohmann::json json = parse_json_object(line, "the prompt");
  ScenePrompt prompt;
  prompt.text = json.at("prompt").get<std::string>();
  if (!json.contains("kind")) return prompt;
  prompt.kind = scene_kind_from_name(json.at("kind").get<std::string>());
  if (static_cast<std::size_t>(*prompt.kind) >= kScoredKinds)
    throw ArgumentError("pictures of kind " + std::string(scene_kind_name(*prompt.kind)) + " are not scored");
  read_expectation(json.at("expect"), prompt);
  if (!json.contains("scene")) return prompt;
  prompt.scene = scene_from_json(json.at("scene").dump());
  if (prompt.scene->kind != *prompt.kind) throw ArgumentError("the scene is not of the prompt's kind");
  return prompt;
}

std::string described(const Item& item) {
  return item.colour.empty() ? item.name : item.colour + " " + item.name;
}

}  // namespace

std::string ScenePrompt::expectation() const {
  if (!kind) return "";
  switch (*kind) {
    case SceneKind::words: {
      std::string all;
      for (const std::string& word : words) all += (all.empty() ? "" : " ") + word;
      return all;
    }
    case SceneKind::position:
      return described(items[0]) + " " + std::string(relation_name(relation)) + " " + described(items[1]);
    case SceneKind::count:
      return std::to_string(count) + " x " + described(items[0]);
    case SceneKind::background:
      return background;
    default:
      return described(items[0]);
  }
}

std::string ScenePrompt::group() const {
  constexpr std::array<const char*, 4> kNumbers = {"", "", "two ", "three "};
  if (!kind) return "";
  const std::string name(scene_kind_name(*kind));
  if (*kind != SceneKind::words || words.size() < 2) return name;
  return (words.size() < kNumbers.size() ? kNumbers.at(words.size()) : std::to_string(words.size()) + " ") +
         name;
}

std::vector<std::string> groups_of(const std::vector<ScenePrompt>& prompts) {
  std::vector<const ScenePrompt*> first;  // of each group
  for (const ScenePrompt& prompt : prompts) {
    const auto same = [&](const ScenePrompt* other) { return other->group() == prompt.group(); };
    if (prompt.kind && std::ranges::none_of(first, same)) first.push_back(&prompt);
  }
  std::ranges::stable_sort(
      first, {}, [](const ScenePrompt* prompt) { return std::pair(*prompt->kind, prompt->words.size()); });
  std::vector<std::string> groups;
  for (const ScenePrompt* prompt : first) groups.push_back(prompt->group());
  return groups;
}

std::vector<ScenePrompt> read_prompts(const std::filesystem::path& path) {
  std::vector<ScenePrompt> prompts;
  bool json = false;
  for_each_line(path, kLargestFile, [&](std::int64_t number, std::string_view line) {
    if (line.empty()) return;
    if (prompts.empty()) json = line.starts_with("{");
    if (!json) {
      prompts.emplace_back().text = line;
      return;
    }
    try {
      prompts.push_back(parse_line(line));
    } catch (const nlohmann::json::exception& error) {
      const std::string_view what =
          error.what();  // "[json.exception.type_error.302] type must be string ..."
      throw FileError(path.string() + ", line " + std::to_string(number) + ": " +
                          std::string(what.substr(what.find("] ") + 2)) +
                          "; docs/evaluation.md has what a line holds",
                      {}, path);
    } catch (const std::exception& error) {
      throw FileError(path.string() + ", line " + std::to_string(number) + ": " + error.what(), {}, path);
    }
  });
  if (prompts.empty()) throw FileError(path.string() + " holds no prompt", {}, path);
  return prompts;
}

}  // namespace sd35
