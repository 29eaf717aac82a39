// What the program reports while it works: a bar on a terminal, a line every few seconds elsewhere, JSON
// lines for programs, or nothing.
#pragma once

#include <chrono>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "sd35/sd35.h"

namespace sd35::cli {

enum class Verbosity { person, json, quiet };

class Reporter {
 public:
  // `results`: where a person reads what was written; JSON always goes to the standard output.
  explicit Reporter(Verbosity verbosity, std::FILE* results = stdout);
  ~Reporter();
  Reporter(const Reporter&) = delete;
  Reporter& operator=(const Reporter&) = delete;

  // For the library; on_progress stops the work once the person asked to.
  Callbacks callbacks();
  void warn(const std::string& message);
  void plan(const std::vector<MemoryStage>& stages);
  // A file that was written, after `seconds` of work on it alone; unset: since this was made.
  void wrote(const std::string& path, std::uint64_t seed, std::optional<double> seconds);
  // What each column and row of a sheet of pictures has; empty: there is one.
  void sheet(const std::string& columns, const std::string& rows);
  // The end of a file of prompts: pictures that were drawn, and that were there.
  void finished(std::size_t drawn, std::size_t there);

 private:
  void progress(const Progress& progress);
  void tell_of_stopping();
  void draw_bar(const Progress& progress);
  void end_line();

  Verbosity verbosity_;
  std::FILE* results_;
  bool terminal_;
  bool line_open_ = false;  // a bar is on the current line
  bool told_of_stopping_ = false;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  Stage stage_ = Stage::load;
  int picture_ = -1;
  int step_ = -1;
  double last_shown_ = 0;  // seconds of the stage
};

// "4.5 s", "3 min 20 s"
std::string duration(double seconds);

}  // namespace sd35::cli
