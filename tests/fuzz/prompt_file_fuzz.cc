// Reads the input as a file of prompts, as a scene, as a model's vocabulary (sd35.json) and as a prompt that
// is looked up in one. Only Error may come out, and a scene that was read must survive being written.
#include <nlohmann/json.hpp>

#include "core/config_file.h"
#include "lab/scoring/prompt_file.h"
#include "pipeline/prompt_check.h"
#include "tests/fuzz/allow_errors.h"
#include "tests/fuzz/input_file.h"

namespace sd35 {
namespace {

void read_prompt_file(const std::filesystem::path& path) {
  allow_errors([&] {
    for (const ScenePrompt& prompt : read_prompts(path)) {
      (void)prompt.expectation();
      if (!prompt.scene) continue;
      const std::string line = evaluation_prompt_json(*prompt.scene);
      require(evaluation_prompt_json(read_prompts(InputFile(line).path()).at(0).scene.value()) == line);
    }
  });
}

void look_up(const std::string& prompt, const PromptVocabulary& vocabulary) {
  GenerateOptions options;
  options.guidance_scale = 4.5;
  options.prompt = prompt;
  Callbacks callbacks;
  callbacks.on_warning = check_line;
  warn_of_prompts(options, vocabulary, callbacks);
}

}  // namespace
}  // namespace sd35

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sd35;
  const std::string text(text_of(data, size));
  read_prompt_file(InputFile(text).path());
  allow_errors([&] { (void)scene_from_json(text); });
  allow_errors([&] {
    look_up("a red \"FOX\" that says hello",
            PromptVocabulary::from_json(parse_json_object(text, "fuzz"), "fuzz"));
  });
  look_up(text, {{"a", "red", "fox", "sign", "that", "says"}, "ABCDEF"});
  return 0;
}
