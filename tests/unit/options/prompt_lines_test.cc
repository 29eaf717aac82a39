#include "options/prompt_lines.h"

#include <gtest/gtest.h>

#include <map>

#include "core/error.h"

namespace sd35 {
namespace {

GenerateOptions base() {
  GenerateOptions options;
  options.seed = 100;
  options.width = 64;
  return options;
}

std::string refusal(const std::string& text, const GenerateOptions& options = base()) {
  try {
    const PromptLines file(text, "p.txt");
    for (const PromptLines::Line& line : file.lines()) (void)file.options(line, options);
  } catch (const FileError& error) {
    EXPECT_EQ(error.file(), "p.txt");
    return error.what();
  }
  return "";
}

TEST(PromptLinesTest, ALineIsAPictureWithItsNumber) {
  const PromptLines file(
      "a cat\n\n  \t\r\n a dog, {sitting}\r\n{\"prompt\": \"a fox\", \"seed\": 7, \"width\": 48}\n"
      "  {\"prompt\": \"\", \"skip_layer_guidance\": {\"layers\": [7]}}",
      "p.txt");
  std::map<std::int64_t, GenerateOptions> drawn;
  for (const PromptLines::Line& line : file.lines()) drawn[line.number] = file.options(line, base());
  ASSERT_EQ(drawn.size(), 4u);
  EXPECT_EQ(drawn.at(0).prompt, "a cat");
  EXPECT_EQ(drawn.at(0).seed, 100u);
  EXPECT_EQ(drawn.at(0).width, 64);
  EXPECT_EQ(drawn.at(3).prompt, " a dog, {sitting}");
  EXPECT_EQ(drawn.at(3).seed, 103u);
  EXPECT_EQ(drawn.at(4).prompt, "a fox");
  EXPECT_EQ(drawn.at(4).seed, 7u);
  EXPECT_EQ(drawn.at(4).width, 48);
  EXPECT_EQ(drawn.at(5).prompt, "");
  EXPECT_EQ(drawn.at(5).seed, 105u);
  EXPECT_EQ(drawn.at(5).skip_layer_guidance.layers, std::vector<int>{7});
}

TEST(PromptLinesTest, TheBaseGivesWhatALineLacks) {
  GenerateOptions options = base();
  options.prompt = "a bear";
  options.guidance_scale = 2;
  const PromptLines file("\xEF\xBB\xBF{\"guidance_scale\": 3}\n{}\na cat\n", "p.txt");
  EXPECT_EQ(file.options(file.lines()[0], options).prompt, "a bear");
  EXPECT_EQ(file.options(file.lines()[0], options).guidance_scale, 3);
  EXPECT_EQ(file.options(file.lines()[1], options).guidance_scale, 2);
  EXPECT_EQ(file.options(file.lines()[2], options).prompt, "a cat");
}

TEST(PromptLinesTest, WhatIsWrongIsNamedWithItsLine) {
  const auto expect = [](const std::string& line, const std::string& said) {
    const std::string message = refusal("a cat\n\n" + line + "\n");
    EXPECT_TRUE(message.starts_with("p.txt, line 3: ")) << message;
    EXPECT_NE(message.find(said), std::string::npos) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos);
    EXPECT_LT(message.size(), 1000u);
  };
  expect("{\"prompt\": \"a\"", "not valid JSON");
  expect("{a|b} cat", "begins with a brace");
  expect("{\"prompt\": 1}", "prompt is 1; it must be a text");
  expect("{}", "no \"prompt\"");
  expect("{\"prompt\": null}", "no \"prompt\"");
  expect("{\"prompt\": \"a\", \"prompt\": \"b\"}", "twice");
  expect("{\"prompt\": \"a\", \"colour\": 1}", "there is no option 'colour'");
  expect("{\"prompt\": \"a\", \"num_inference_steps\": 0}", "num_inference_steps is 0");
  expect("{\"prompt\": \"a\", \"sampler\": \"abacus\"}", "abacus");
  expect("{\"prompt\": \"a\", \"quantize\": \"int8\"}", "quantize is of the model");
  expect("{\"prompt\": \"a\", \"count\": 2}", "count is not for a line");
  expect("{\"prompt\": " + std::string(100'000, '['), "");
  expect(std::string("a\0b", 3), "NUL");
  expect(R"({"prompt": "a\u0000b"})", "prompt holds a NUL character");
  expect("caf\xe9", "UTF-8");
  expect("{\"prompt\": \"caf\xe9\"}", "UTF-8");
  expect(std::string((std::size_t{1} << 20) + 1, 'a'), "1048577 bytes");
  EXPECT_EQ(refusal(std::string(std::size_t{1} << 20, 'a')), "");
}

TEST(PromptLinesTest, LorasAreThoseOfThePicture) {
  const PromptLines file(R"({"prompt": "a", "loras": [{"path": "a.safetensors"}]})", "p.txt");
  EXPECT_EQ(file.options(file.lines()[0], base()).loras.at(0).path, "a.safetensors");
}

TEST(PromptLinesTest, FilesHaveALimit) {
  EXPECT_NE(refusal("").find("holds no prompt"), std::string::npos);
  EXPECT_NE(refusal("\n \n\r\n").find("holds no prompt"), std::string::npos);
  std::string many;
  for (int i = 0; i < 1'000'000; ++i) many += "a\n";
  EXPECT_EQ(PromptLines(many, "p.txt").lines().back().number, 999'999);
  EXPECT_NE(refusal(many + "a").find("more than 1000000 lines"), std::string::npos);
  EXPECT_NE(refusal(std::string(kLargestPromptFile + 1, 'a')).find("64000001 bytes"), std::string::npos);
}

}  // namespace
}  // namespace sd35
