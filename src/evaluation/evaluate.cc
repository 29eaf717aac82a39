#include "evaluation/evaluate.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <deque>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <utility>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/file_reader.h"
#include "core/fingerprint.h"
#include "core/made_folder.h"
#include "core/messages.h"
#include "core/threads.h"
#include "evaluation/earlier_report.h"
#include "evaluation/reconstruction.h"
#include "image/image_file.h"
#include "image/psnr.h"
#include "options/options.h"
#include "pipeline/recipe.h"
#include "pipeline/validation.h"
#include "weights/model/model_files.h"

namespace sd35 {
namespace {

namespace fs = std::filesystem;

constexpr int kMostSeeds = 10000;
constexpr int kSideWithoutModel = 128;  // of examples that are drawn without a model

void report(const EvaluationProgress& progress, const std::string& what, std::size_t done,
            std::size_t total) {
  if (progress && !progress(what, done, total)) throw Cancelled();
}

std::string picture_name(const EvaluationPrompt& prompt, std::size_t index) {
  char number[32];
  std::snprintf(number, sizeof(number), "-%05zu.png", index + 1);
  return (prompt.kind.empty() ? "prompt" : prompt.kind) + number;
}

// Changes when the model's files do.
std::string identity_of(const CandidateModel& candidate, std::span<const LoraOptions> adapters) {
  const LoadOptions& load = candidate.load;
  std::vector<fs::path> files;
  const auto add = [&](const fs::path& path) {
    std::error_code error, ignored;
    if (fs::is_regular_file(path, error)) files.push_back(path);
    if (!fs::is_directory(path, error)) return;
    for (fs::recursive_directory_iterator entry(path, error), end; !error && entry != end;
         entry.increment(error))
      if (entry->is_regular_file(ignored)) files.push_back(entry->path());
    if (error)
      throw FileError("cannot read folder " + in_quotes(path.string()) + ": " + error.message(), {}, path);
  };
  add(ModelFiles::open(candidate.model).location());
  visit_options(load.parts, [&](const Option&, const fs::path& part) { add(part); });
  for (const LoraOptions& lora : load.loras) add(lora.path);
  for (const LoraOptions& lora : adapters) add(lora.path);
  std::ranges::sort(files);
  return fingerprint(files, Reading::every_byte);
}

// "thing-00001.png": how evaluate() calls pictures.
bool is_picture_name(std::string_view name) {
  constexpr std::size_t kLeastDigits = 5;
  if (!name.ends_with(".png")) return false;
  name.remove_suffix(4);
  const std::size_t dash = name.rfind('-');
  return dash != name.npos && name.size() - dash > kLeastDigits &&
         name.find_first_not_of("0123456789", dash + 1) == name.npos;
}

void remove_pictures(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
    if (is_picture_name(entry->path().filename().string())) found.push_back(entry->path());
  for (auto path = found.begin(); !error && path != found.end(); ++path) fs::remove(*path, error);
  if (error)
    throw FileError("cannot remove the pictures of another model in " + in_quotes(folder.string()) + ": " +
                        error.message(),
                    {}, folder);
}

// Makes `folder`, inside that of a report, the folder of this model's pictures. Another model's are removed,
// with the report that shows them, before the first of this one is drawn: a run that stops halfway leaves
// none that would be mistaken for its own.
void claim(const fs::path& report, const fs::path& folder, const std::string& identity) {
  const fs::path path = folder / "model.txt";
  try {
    if (read_whole_file(path, identity.size()) == identity) return;
  } catch (const FileError&) {
    // None yet, or not a file of ours: the next lines report it if it cannot be replaced.
  }
  std::error_code ignored;  // what cannot be removed is written again in the end, or reports why not
  for (const char* name : {"report.json", "report.html"}) fs::remove(report / name, ignored);
  remove_pictures(folder);
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(identity)));
  file.commit();
}

bool is_drawn(const fs::path& path, const Recipe& wanted) {
  try {
    Recipe drawn = read_recipe(path);
    drawn.model_hash.clear();  // claim() has compared every byte
    drawn.lora_hashes.clear();
    return recipe_to_json(drawn) == recipe_to_json(with_names(wanted));
  } catch (const FileError&) {
    return false;  // not there, of another program, or damaged: drawn again
  }
}

std::string name_of(const fs::path& folder) {
  return folder.has_filename() ? folder.filename().string() : folder.parent_path().filename().string();
}

// Of a column of an earlier report, which lies in `folder`.
std::string label_of(const fs::path& folder, const EarlierColumn& column) {
  return name_of(folder) + "-" + column.label;
}

// It is the name of a folder and goes into the report as text, and may come from somebody else's report.
void check_label(const std::string& label) {
  if (label.empty() || label == "." || label == ".." || label.find('/') != label.npos ||
      label != printable(label))
    throw ArgumentError("a column of the report cannot be called " + in_quotes(label) +
                        "; --label gives a name without slashes and control characters");
}

class Run {
 public:
  Run(const EvaluationOptions& options, const EvaluationProgress& progress, const Callbacks& callbacks)
      : options_(options), progress_(progress), warn_(callbacks.on_warning), drawing_(callbacks) {
    drawing_.on_warning = nullptr;  // it would get the same warning for every picture
    for (CandidateModel candidate : options.candidates) {
      candidate.load = with_canonical_types(candidate.load);
      candidates_.push_back(std::move(candidate));
    }
    check_labels();
    if (options.seeds < 1 || options.seeds > kMostSeeds)
      throw ArgumentError("seeds is " + std::to_string(options.seeds) + "; it must be 1 to " +
                          std::to_string(kMostSeeds));
    for (const EvaluationPrompt& prompt : options.prompts)
      result_.prompts.insert(result_.prompts.end(), static_cast<std::size_t>(options.seeds), prompt);
    result_.groups = options.groups;
    if (result_.prompts.empty()) throw ArgumentError("which prompts? --prompts takes a file");
    if (options.folder.empty()) throw ArgumentError("where to? --output needs the name of a folder");
    result_.seeds = options.seeds;
    complete_options();
    folder_.make(options.folder / "pictures");
  }

  Evaluation run() {
    if (options_.drawn && has_examples()) draw_examples();
    if (!options_.reconstruct.empty()) reconstruct();
    for (const CandidateModel& candidate : candidates_) generate(candidate);
    for (const Earlier& earlier : earlier_)
      for (const EarlierColumn& column : earlier.columns) add_earlier(earlier.folder, column);
    if (result_.columns.empty())
      throw ArgumentError(
          "nothing to score: no --model, and no prompt that says what scene it was made from");
    score();
    return std::move(result_);
  }

 private:
  struct Earlier {
    fs::path folder;
    std::vector<EarlierColumn> columns;
  };

  // What no option sets is the first model's own choice, so that columns can be compared.
  void complete_options() {
    GenerateOptions& options = result_.generate = options_.generate;
    // All of them are opened and asked, and earlier reports read, before anything is drawn: a wrong name, or
    // an option that one of them cannot be drawn with, shows now.
    for (std::size_t i = 0; i < candidates_.size(); ++i) {
      const Pipeline pipeline = Pipeline::from_pretrained(candidates_[i].model, candidates_[i].load);
      const GenerateOptions completed = pipeline.completed(options);
      if (i > 0) continue;
      options = completed;
      reference_ = {candidates_[0].label, DrawnWith{candidates_[0].load, options}};
      options.max_sequence_length = options_.generate.max_sequence_length;  // of each tokenizer
    }
    for (const fs::path& folder : options_.compare)
      earlier_.push_back({folder, read_earlier_report(folder, result_.prompts, options.seed)});
    for (const Earlier& earlier : earlier_)
      for (const EarlierColumn& column : earlier.columns) {
        take_label(label_of(earlier.folder, column),
                   "rename " + in_quotes(earlier.folder.string()) + ", a folder of --compare");
        compare_options(earlier.folder, column);
      }
    if (!options.width) options.width = kSideWithoutModel;
    if (!options.height) options.height = kSideWithoutModel;
  }

  // Compares the options of an earlier column with those of the first model, of this run or of the first
  // report: a difference may be what is being compared, but pictures of other sizes cannot be.
  void compare_options(const fs::path& folder, const EarlierColumn& column) {
    const std::string label = label_of(folder, column);
    if (!column.drawn_with && warn_)
      warn_("the report in " + in_quotes(folder.string()) +
            " does not say with which options the pictures of " + in_quotes(column.label) + " were drawn");
    if (!reference_) {
      reference_ = {label, column.drawn_with};
      return;
    }
    const auto& [first, drawn_with] = *reference_;
    if (!column.drawn_with || !drawn_with) return;
    const std::string size = size_of(column.drawn_with->generate), first_size = size_of(drawn_with->generate);
    if (size != first_size)
      throw ArgumentError("the pictures of " + in_quotes(label) + " are " + size + " pixels, those of " +
                              in_quotes(first) + " " + first_size +
                              "; only pictures of the same size can be compared",
                          "width");
    const std::string different = differences(*column.drawn_with, *drawn_with);
    if (!different.empty() && warn_)
      warn_("the pictures of " + in_quotes(label) + " were drawn with other options than those of " +
            in_quotes(first) + ": " + different);
  }

  static std::string size_of(const GenerateOptions& options) {
    return std::to_string(options.width.value_or(0)) + " x " + std::to_string(options.height.value_or(0));
  }

  // Where the prompt of picture number `index` stands in the options.
  std::size_t number_of_prompt(std::size_t index) const {
    return index / static_cast<std::size_t>(result_.seeds);
  }
  // Examples are drawn once, whatever the number of seeds.
  bool has_example(std::size_t index) const {
    return index % static_cast<std::size_t>(result_.seeds) == 0 &&
           options_.scoring->has_example(number_of_prompt(index));
  }
  bool has_examples() const {
    if (options_.scoring == nullptr) return false;
    for (std::size_t i = 0; i < options_.prompts.size(); ++i)
      if (options_.scoring->has_example(i)) return true;
    return false;
  }

  void check_labels() {
    for (const CandidateModel& candidate : candidates_) {
      check_label(candidate.label);
      take_label(candidate.label, "--label, once for each --model, gives other names");
    }
  }

  void take_label(const std::string& label, const std::string& way_out) {
    if (!labels_.insert(label).second)
      throw ArgumentError("two columns of the report are called " + in_quotes(label) + "; " + way_out);
  }

  Column new_column(const std::string& label, const std::string& model) {
    Column column;
    column.label = label;
    column.model = model;
    column.pictures.resize(result_.prompts.size());
    check_label(label);
    made_.emplace_back(options_.folder / "pictures" / label);
    return column;
  }

  void draw_examples() {
    Column column = new_column(kDrawnColumn, "");
    GenerateOptions size;
    size.width = result_.generate.width;
    size.height = result_.generate.height;
    options_.scoring->check_example_size(*size.width, *size.height);
    column.drawn_with = {{}, size};
    const auto start = std::chrono::steady_clock::now();
    std::mutex reporting;
    std::size_t done = 0;
    std::atomic<bool> stopped = false;
    const std::size_t all = result_.prompts.size();
    parallel_for(static_cast<std::int64_t>(all), 16, [&](std::int64_t begin, std::int64_t end) {
      const std::unique_ptr<ExampleDrawer> drawer = options_.scoring->example_drawer();
      for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end) && !stopped; ++i) {
        if (has_example(i)) {
          column.pictures[i].file =
              std::string("pictures/") + kDrawnColumn + "/" + picture_name(result_.prompts[i], i);
          const ExamplePicture example = drawer->draw(number_of_prompt(i), *size.width, *size.height);
          column.pictures[i].capitals = example.capitals;
          write_image(options_.folder / column.pictures[i].file, example.image);
        }
        const std::scoped_lock lock(reporting);
        if (progress_ && !progress_(kDrawnColumn, ++done, all)) stopped = true;
      }
    });
    if (stopped) throw Cancelled();
    column.drawn_now = static_cast<int>(result_.prompts.size());
    column.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    result_.columns.push_back(std::move(column));
  }

  void reconstruct() {
    if (result_.columns.empty())
      throw ArgumentError("nothing to reconstruct: no prompt says what scene it was made from");
    const Reconstruction reconstruction(options_.reconstruct, options_.reconstruct_load);
    const Column& drawn = result_.columns[0];
    Column column = new_column(kReconstructedColumn, options_.reconstruct);
    column.compared_with = kDrawnColumn;
    column.drawn_with = {with_canonical_types(options_.reconstruct_load), drawn.drawn_with->generate};
    const std::size_t all = drawn.pictures.size();
    for (std::size_t i = 0; i < all; ++i) {
      if (drawn.pictures[i].file.empty()) continue;
      column.pictures[i].file =
          std::string("pictures/") + kReconstructedColumn + "/" + picture_name(result_.prompts[i], i);
      write_image(options_.folder / column.pictures[i].file,
                  reconstruction.apply(read_image(options_.folder / drawn.pictures[i].file)));
      column.pictures[i].capitals = drawn.pictures[i].capitals;
      report(progress_, kReconstructedColumn, i + 1, all);
    }
    result_.columns.push_back(std::move(column));
  }

  void generate(const CandidateModel& candidate) {
    Column column = new_column(candidate.label, candidate.model);
    compare_with_first_model(column);
    const std::string folder = "pictures/" + candidate.label;
    claim(options_.folder, options_.folder / folder, identity_of(candidate, options_.generate.loras));
    Pipeline pipeline = Pipeline::from_pretrained(candidate.model, candidate.load);
    const GenerateOptions options = pipeline.completed(result_.generate);
    column.drawn_with = {candidate.load, options};
    for (std::size_t i = 0; i < result_.prompts.size(); ++i) {
      const EvaluationPrompt& prompt = result_.prompts[i];
      column.pictures[i].file = folder + "/" + picture_name(prompt, i);
      const fs::path path = options_.folder / column.pictures[i].file;
      Recipe recipe{candidate.model, candidate.load, options};
      recipe.generate.prompt = prompt.text;
      recipe.generate.seed += i;
      recipe.generate.count = 1;
      if (is_drawn(path, recipe)) continue;
      const auto start = std::chrono::steady_clock::now();
      save(pipeline.generate(recipe.generate, drawing_).at(0), path);
      column.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      ++column.drawn_now;
      report(progress_, candidate.label, i + 1, result_.prompts.size());
    }
    result_.columns.push_back(std::move(column));
  }

  void compare_with_first_model(Column& column) const {
    const auto is_model = [](const Column& c) { return !c.model.empty() && c.label != kReconstructedColumn; };
    const auto first = std::ranges::find_if(result_.columns, is_model);
    if (first != result_.columns.end()) column.compared_with = first->label;
  }

  // The model of an earlier report, with copies of its pictures.
  void add_earlier(const fs::path& folder, const EarlierColumn& earlier) {
    Column column = new_column(label_of(folder, earlier), earlier.model);
    column.drawn_with = earlier.drawn_with;
    compare_with_first_model(column);
    for (std::size_t i = 0; i < result_.prompts.size(); ++i) {
      const fs::path from = folder / earlier.files[i];
      column.pictures[i].file = "pictures/" + column.label + "/" + picture_name(result_.prompts[i], i);
      std::error_code error;
      fs::copy_file(from, options_.folder / column.pictures[i].file, fs::copy_options::overwrite_existing,
                    error);
      if (error)
        throw FileError(in_quotes(from.string()) + " cannot be copied: " + error.message(), {}, from);
      report(progress_, column.label, i + 1, result_.prompts.size());
    }
    result_.columns.push_back(std::move(column));
  }

  void score() {
    std::function<std::unique_ptr<PictureScorer>()> make_scorer;
    if (options_.scoring != nullptr) make_scorer = options_.scoring->scorer_maker();
    std::atomic<std::size_t> next = 0;
    std::atomic<bool> failed = false;
    std::mutex reporting;
    const std::size_t prompts = result_.prompts.size(), all = prompts * result_.columns.size();
    // Pictures take different times to read, and making a scorer takes a while, so each thread has one.
    parallel_for(thread_count(), 1, [&](std::int64_t, std::int64_t) {
      try {
        const std::unique_ptr<PictureScorer> scorer = make_scorer ? make_scorer() : nullptr;
        for (std::size_t i = next++; i < all && !failed; i = next++) {
          score_one(scorer.get(), result_.columns[i / prompts], i % prompts);
          const std::scoped_lock lock(reporting);
          report(progress_, "scoring", ++scored_, all);
        }
      } catch (...) {
        failed = true;
        throw;
      }
    });
  }

  void score_one(PictureScorer* scorer, Column& column, std::size_t index) const {
    EvaluatedPicture& picture = column.pictures[index];
    if (picture.file.empty()) return;
    const Image image = read_image(options_.folder / picture.file);
    if (scorer != nullptr) picture.score = scorer->score(image, number_of_prompt(index));
    if (column.compared_with.empty()) return;
    const auto reference = std::ranges::find(result_.columns, column.compared_with, &Column::label);
    picture.psnr = psnr(image, read_image(options_.folder / reference->pictures[index].file));
  }

  const EvaluationOptions& options_;
  std::vector<CandidateModel> candidates_;  // as pictures name their options
  const EvaluationProgress& progress_;
  const WarningFunction warn_;
  Callbacks drawing_;
  std::vector<Earlier> earlier_;
  // The column that earlier ones are compared with, and how it is drawn.
  std::optional<std::pair<std::string, std::optional<DrawnWith>>> reference_;
  MadeFolder folder_;
  std::deque<MadeFolder> made_;  // in it
  Evaluation result_;
  std::set<std::string> labels_{kDrawnColumn, kReconstructedColumn};  // of columns
  std::size_t scored_ = 0;
};

}  // namespace

Evaluation evaluate(const EvaluationOptions& options, const EvaluationProgress& progress,
                    const Callbacks& callbacks) {
  const ThreadCount threads(options.threads);
  return Run(options, progress, callbacks).run();
}

}  // namespace sd35
