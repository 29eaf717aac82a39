// Models on prompts: pictures, and what programs see in them.
#pragma once

#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "evaluation/drawn_with.h"
#include "evaluation/letters.h"
#include "evaluation/prompt.h"
#include "evaluation/scoring.h"
#include "sd35/sd35.h"

namespace sd35 {

// A column of a report: a model, loaded in a certain way.
struct CandidateModel {
  std::string label;  // names the column and its folder of pictures
  std::string model;
  LoadOptions load;
};

struct EvaluationOptions {
  std::vector<EvaluationPrompt> prompts;
  std::vector<std::string> groups;         // of prompts, in the order of reports
  std::shared_ptr<const Scoring> scoring;  // null: nothing is scored
  std::filesystem::path folder;
  std::vector<CandidateModel> candidates;      // may be none: then only examples are scored
  std::vector<std::filesystem::path> compare;  // folders of earlier reports whose models become columns, too
  // For all columns; what it leaves to the model is the first candidate's own. Picture number i has the seed
  // seed + i; count is not used.
  GenerateOptions generate;
  int seeds = 1;      // pictures of each prompt, one after another
  int threads = 0;    // for drawing examples and scoring; 0: one per core
  bool drawn = true;  // whether examples of what prompts ask for are drawn and scored too
  // A model whose autoencoder encodes and decodes the examples, which are then scored again; empty: none.
  std::string reconstruct;
  LoadOptions reconstruct_load;
};

struct EvaluatedPicture {
  std::string file;  // below the folder; empty: there is none
  PictureScore score;
  double psnr = std::numeric_limits<double>::quiet_NaN();  // in dB, to the picture of Column::compared_with
  // The height of an example's capital letters, in pixels; NaN: not known.
  double capitals = std::numeric_limits<double>::quiet_NaN();
};

struct Column {
  std::string label;
  std::string model;                       // empty: they are examples
  std::string compared_with;               // the label of a column; empty: of none
  std::optional<DrawnWith> drawn_with;     // unset: an earlier report that does not say
  std::vector<EvaluatedPicture> pictures;  // one for each of Evaluation::prompts
  int drawn_now = 0;                       // not taken from an earlier run
  double seconds = 0;                      // for those
};

struct Evaluation {
  GenerateOptions generate;  // of all models, complete; without models, only the size
  int seeds = 1;
  std::vector<EvaluationPrompt> prompts;  // each as often as it has seeds
  std::vector<std::string> groups;
  std::vector<Column> columns;
};

// Which pictures were drawn or scored, for a bar: false stops the work with Cancelled.
using EvaluationProgress = std::function<bool(const std::string& what, std::size_t done, std::size_t total)>;

// Draws what the folder does not hold yet (of the same model, settings and seed) and scores everything. What
// a column holds of another model is removed first. `callbacks` are those of drawing; on_warning gets what
// concerns the report as a whole, before anything is drawn: earlier pictures that were drawn with other
// options than those of the first model. Throws ArgumentError for options that do not go together and an
// earlier report of other prompts, seeds or sizes, FileError for prompts or a model that cannot be read and a
// folder that cannot be written, and what Pipeline::generate() throws.
Evaluation evaluate(const EvaluationOptions& options, const EvaluationProgress& progress,
                    const Callbacks& callbacks = {});

// report.html, for a browser, and report.json, with every figure. Throws FileError.
void write_report(const std::filesystem::path& folder, const Evaluation& evaluation);

// One line per group and column: "words, default: within one letter 61.5 % (54.6 to 68.0), read exactly ...".
std::string summary_of(const Evaluation& evaluation);

// How often a check was passed.
struct Total {
  std::string group;
  std::string check;
  int passed = 0;
  int pictures = 0;

  double share() const { return pictures == 0 ? 0 : static_cast<double>(passed) / pictures; }
};
std::vector<Total> totals_of(const Evaluation& evaluation, const Column& column);

// Of a group of signs, letter by letter.
LetterTable letters_of(const Evaluation& evaluation, const Column& column, const std::string& group);

// The 95 % interval of a share (Wilson 1927).
std::pair<double, double> interval_of(const Total& total);

}  // namespace sd35
