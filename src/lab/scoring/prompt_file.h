// What to draw, and what the pictures should show.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "lab/scenes/scene.h"

namespace sd35 {

struct ScenePrompt {
  std::string text;
  // What is scored. Nothing: the picture is shown and not scored.
  std::optional<SceneKind> kind;
  std::vector<std::string> words;
  std::vector<Item> items;  // one; of a position two
  Relation relation = Relation::left_of;
  int count = 1;
  std::string background;
  // The scene the prompt was made from: what the picture might have looked like.
  std::optional<Scene> scene;

  // For people: "red circle left of cat".
  std::string expectation() const;
  // Prompts that are scored together: by their kind, and signs by their number of words. "words", "two
  // words", "colour" ...; empty if nothing is scored.
  std::string group() const;
};

// The groups of these prompts, in the order of kinds and numbers of words.
std::vector<std::string> groups_of(const std::vector<ScenePrompt>& prompts);

// A file of JSON lines as `sd35 make-dataset --prompts` writes it, or of plain text, one prompt per line (a
// file whose first line does not begin with a brace). Empty lines are left out. Throws FileError naming the
// file and the line when it cannot be read, is malformed or holds no prompt.
std::vector<ScenePrompt> read_prompts(const std::filesystem::path& path);

}  // namespace sd35
