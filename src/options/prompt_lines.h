// Files of prompts: a picture a line.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "sd35/sd35.h"

namespace sd35 {

// Such a file holds no more: 64 MB, a million lines of up to 1 MiB.
constexpr std::uint64_t kLargestPromptFile = 64'000'000;

// Its text. Throws FileError when it is no regular file, too large, or cannot be read.
std::string read_prompt_file(const std::filesystem::path& path);

// Lines are numbered from 0, blank ones too; a blank one draws nothing. A line that begins with a brace is a
// JSON object of options of drawing, as recipes name them; any other is a prompt. `count` is no such option:
// a line is one picture.
class PromptLines {
 public:
  struct Line {
    std::int64_t number = 0;
    std::string_view text;
  };

  // `name`: of the file, for messages. Throws FileError for a file beyond the limits above, and for one that
  // draws nothing.
  PromptLines(std::string text, std::string name);
  PromptLines(const PromptLines&) = delete;
  PromptLines& operator=(const PromptLines&) = delete;

  // Those that are not blank.
  const std::vector<Line>& lines() const { return lines_; }

  // What a line draws: `base` with its options, and of the seed base.seed + number unless it says its own.
  // Throws FileError naming file, line and option for a line that is not UTF-8, holds NUL or no prompt (nor
  // does `base`), is malformed, or names options or values that there are not.
  GenerateOptions options(const Line& line, const GenerateOptions& base) const;

  // "prompts.txt, line 4": as editors count, from 1.
  std::string place_of(const Line& line) const;

 private:
  std::string text_;
  std::string name_;
  std::vector<Line> lines_;
};

}  // namespace sd35
