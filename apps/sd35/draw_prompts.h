// Pictures of a file of prompts, in a folder.
#pragma once

#include <filesystem>
#include <string>

#include "options/prompt_lines.h"
#include "reporter.h"
#include "sd35/sd35.h"

namespace sd35::cli {

// Every n-th line of a file: the part of one of n programs.
struct Shard {
  int index = 0;  // from 0
  int count = 1;
};
// "0/4". Throws ArgumentError.
Shard shard_argument(const std::string& text);

// What --prompts names, and where its pictures go: the line 123, counted from 0, is FOLDER/000123.png. A
// picture that is there is done: it is left alone.
class PromptFolder {
 public:
  // `file`: "-" is the standard input; `format`: an extension. Throws ArgumentError for names that cannot be,
  // FileError for a file that cannot be read and a folder that cannot be written.
  PromptFolder(const std::string& file, const std::string& folder, const std::string& format, Shard shard);

  // Throws FileError for the first line, of all of them, that cannot be drawn; `base` has the options that a
  // line does not say.
  void check(const Pipeline& pipeline, const GenerateOptions& base) const;

  // Draws what is not there, and saves each picture when it is done. A picture that ends in NaN is a warning,
  // and a NumericError at the end. Where the run ends early, what is thrown says what is saved.
  void draw(const Pipeline& pipeline, const GenerateOptions& base, const Callbacks& callbacks,
            Reporter& reporter) const;

 private:
  std::filesystem::path path_of(const PromptLines::Line& line) const;

  PromptLines lines_;
  std::filesystem::path folder_;
  std::string format_;
  Shard shard_;
};

}  // namespace sd35::cli
