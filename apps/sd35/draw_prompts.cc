#include "draw_prompts.h"

#include <charconv>
#include <cstdio>
#include <set>
#include <system_error>

#include "interrupt.h"
#include "standard_input.h"

namespace sd35::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kStandardInput = "-";

std::string text_of_prompts(const std::string& file) {
  return file == kStandardInput ? read_standard_input("the prompts", kLargestPromptFile)
                                : read_prompt_file(file);
}

// A picture's name in a folder's place is a slip.
fs::path folder_argument(const std::string& folder) {
  std::error_code ignored;
  const bool is_folder = folder.ends_with('/') || fs::is_directory(folder, ignored);
  if (folder.empty() || folder == "-" || (!is_folder && fs::path(folder).has_extension()))
    throw ArgumentError("--prompts draws into a folder, which --output names" +
                        (folder.empty() ? "" : "; " + folder + " is none"));
  return folder;
}

bool is_a_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

// Finds what generate() would find only when it gets there; each file once.
class FileCheck {
 public:
  void check(const GenerateOptions& options) {
    for (const LoraOptions& lora : options.loras)
      if (is_new(lora.path)) (void)file_hash(lora.path);
    for (const InputPicture* picture : {&options.init.picture, &options.inpaint.mask, &options.edit})
      if (picture->given() && is_new(picture->path)) (void)picture_hash(*picture);
  }

 private:
  bool is_new(const fs::path& path) { return checked_.insert(path).second; }

  std::set<fs::path> checked_;
};

// Draws line after line.
class PromptRun {
 public:
  PromptRun(const Pipeline& pipeline, const Callbacks& callbacks, Reporter& reporter, std::size_t pictures)
      : pipeline_(pipeline), callbacks_(callbacks), reporter_(reporter), pictures_(pictures) {}

  void skip() { ++there_; }

  void draw(const GenerateOptions& options, std::int64_t number, const std::string& place,
            const fs::path& path) {
    try {
      pipeline_.generate(options, callbacks_of(options, number, place, path));
    } catch (const Cancelled&) {
      const bool all = there_ + drawn_ == pictures_;
      throw Interrupted(saved() + (all ? "" : "; the same command draws the others"));
    } catch (const NumericError& error) {
      callbacks_.on_warning(place + ": " + error.what());
      if (failed_++ == 0) first_failure_ = place + ": " + error.what();
    } catch (const FileError& error) {
      throw FileError(place + ": " + error.what() + "; " + saved());
    } catch (const ArgumentError& error) {
      throw ArgumentError(place + ": " + error.what() + "; " + saved(), error.option());
    }
  }

  void finish() {
    reporter_.finished(drawn_, there_);
    if (failed_ > 0)
      throw NumericError(first_failure_ + "; " + saved() + ", " + std::to_string(failed_) +
                         " cannot be drawn");
  }

 private:
  Callbacks callbacks_of(const GenerateOptions& options, std::int64_t number, const std::string& place,
                         const fs::path& path) {
    Callbacks callbacks = callbacks_;
    seconds_ = 0;
    callbacks.on_progress = [this, number](Progress progress) {
      if (progress.fraction >= 1) seconds_ += progress.seconds;
      progress.picture = static_cast<int>(number);
      return callbacks_.on_progress(progress);
    };
    callbacks.on_picture = [this, &options, path](const Picture& picture, int /*index*/) {
      save(picture, path);
      ++drawn_;
      reporter_.wrote(path.string(), options.seed, seconds_);
    };
    callbacks.on_warning = [this, place](const std::string& warning) { warn_once(place, warning); };
    return callbacks;
  }

  // Of the machine and the model every line would say the same.
  void warn_once(const std::string& place, const std::string& warning) {
    constexpr std::size_t kRemembered = 1000;
    if (warned_.size() >= kRemembered) warned_.clear();
    if (warned_.insert(warning).second) callbacks_.on_warning(place + ": " + warning);
  }

  // "12 of 1000 pictures are saved"
  std::string saved() const {
    return std::to_string(there_ + drawn_) + " of " + std::to_string(pictures_) + " pictures are saved";
  }

  const Pipeline& pipeline_;
  const Callbacks& callbacks_;
  Reporter& reporter_;
  std::size_t pictures_;
  std::size_t drawn_ = 0, there_ = 0, failed_ = 0;
  double seconds_ = 0;  // of the picture in progress
  std::string first_failure_;
  std::set<std::string> warned_;
};

}  // namespace

Shard shard_argument(const std::string& text) {
  Shard shard;
  const char* end = text.data() + text.size();
  const auto [slash, first] = std::from_chars(text.data(), end, shard.index);
  const bool has_slash = first == std::errc() && slash != end && *slash == '/';
  const auto [stop, second] = std::from_chars(has_slash ? slash + 1 : end, end, shard.count);
  if (!has_slash || second != std::errc() || stop != end || shard.index < 0 || shard.index >= shard.count)
    throw ArgumentError("--shard " + text +
                        ": it takes a part, counted from 0, and how many there are, as in 0/4 to 3/4");
  return shard;
}

PromptFolder::PromptFolder(const std::string& file, const std::string& folder, const std::string& format,
                           Shard shard)
    : lines_(text_of_prompts(file), file == kStandardInput ? "the standard input" : file),
      folder_(folder_argument(folder)),
      format_(format),
      shard_(shard) {
  check_output(path_of({}));
}

fs::path PromptFolder::path_of(const PromptLines::Line& line) const {
  char digits[24];
  std::snprintf(digits, sizeof(digits), "%06lld", static_cast<long long>(line.number));
  return folder_ / (std::string(digits) + "." + format_);
}

void PromptFolder::check(const Pipeline& pipeline, const GenerateOptions& base) const {
  FileCheck files;
  for (const PromptLines::Line& line : lines_.lines()) {
    if (interrupted()) throw Cancelled();
    const GenerateOptions options = lines_.options(line, base);
    try {
      (void)pipeline.completed(options);
      files.check(options);
    } catch (const Error& error) {
      throw FileError(lines_.place_of(line) + ": " + error.what(), error.option());
    }
  }
}

void PromptFolder::draw(const Pipeline& pipeline, const GenerateOptions& base, const Callbacks& callbacks,
                        Reporter& reporter) const {
  std::vector<PromptLines::Line> mine;
  for (const PromptLines::Line& line : lines_.lines())
    if (line.number % shard_.count == shard_.index) mine.push_back(line);
  PromptRun run(pipeline, callbacks, reporter, mine.size());
  for (const PromptLines::Line& line : mine) {
    const fs::path path = path_of(line);
    if (is_a_file(path))
      run.skip();
    else
      run.draw(lines_.options(line, base), line.number, lines_.place_of(line), path);
  }
  run.finish();
}

}  // namespace sd35::cli
