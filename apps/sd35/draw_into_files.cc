#include "draw_into_files.h"

#include <map>
#include <optional>
#include <string>

#include "interrupt.h"

namespace sd35::cli {
namespace {

class Run {
 public:
  Run(const GenerateOptions& options, const OutputNames& names, Reporter& reporter)
      : options_(options), names_(names), reporter_(reporter) {}

  // `callbacks`, and those that save pictures.
  Callbacks callbacks(Callbacks callbacks) {
    callbacks.on_progress = [this, told = callbacks.on_progress](const Progress& progress) {
      const bool of_a_picture = progress.stage == Stage::denoise || progress.stage == Stage::decode;
      if (of_a_picture && progress.fraction >= 1)
        for (int i = 0; i < progress.pictures; ++i)
          seconds_[progress.picture + i] += progress.seconds / progress.pictures;
      return told(progress) && !failure_;
    };
    callbacks.on_picture = [this](const Picture& picture, int index) { save(picture, index); };
    return callbacks;
  }

  // Throws where a picture could not be saved.
  void check() const {
    if (!failure_) return;
    if (options_.count == 1) throw FileError(*failure_);
    throw FileError(*failure_ + "; " + saved() + ", lost: seed " + lost_seeds_);
  }

  [[noreturn]] void interrupted() const {
    if (options_.count == 1 && saved_ == 0) throw Cancelled();
    const bool some = saved_ > 0 && saved_ < options_.count;
    throw Interrupted(saved() + (some ? ", the others are not drawn" : ""));
  }

  // What an error in a later picture leaves, to follow its message.
  std::string left() const { return saved_ > 0 ? "; " + saved() : ""; }

 private:
  void save(const Picture& picture, int index) {
    const std::uint64_t seed = options_.seed + static_cast<std::uint64_t>(index);
    try {
      const std::string path = names_.save(picture, static_cast<std::size_t>(index));
      ++saved_;
      reporter_.wrote(path, seed, options_.count == 1 ? std::nullopt : std::make_optional(seconds_[index]));
    } catch (const FileError& error) {
      if (!failure_) failure_ = error.what();
      lost_seeds_ += (lost_seeds_.empty() ? "" : ", ") + std::to_string(seed);
    }
    seconds_.erase(index);
  }

  // "12 of 1000 pictures are saved"
  std::string saved() const {
    const std::string all = std::to_string(options_.count);
    if (options_.count == 1) return saved_ == 1 ? "the picture is saved" : "the picture is not saved";
    if (saved_ == 0) return "none of " + all + " pictures is saved";
    return std::to_string(saved_) + " of " + all +
           (saved_ == 1 ? " pictures is saved" : " pictures are saved");
  }

  const GenerateOptions& options_;
  const OutputNames& names_;
  Reporter& reporter_;
  int saved_ = 0;
  std::map<int, double> seconds_;  // of work on each picture that is not saved yet
  std::optional<std::string> failure_;
  std::string lost_seeds_;
};

}  // namespace

void draw_into_files(const Pipeline& pipeline, const GenerateOptions& options, const Callbacks& callbacks,
                     const OutputNames& names, Reporter& reporter) {
  Run run(options, names, reporter);
  try {
    pipeline.generate(options, run.callbacks(callbacks));
  } catch (const Cancelled&) {
    run.check();
    run.interrupted();
  } catch (const NumericError& error) {
    run.check();
    throw NumericError(error.what() + run.left());
  } catch (const FileError& error) {
    run.check();
    throw FileError(error.what() + run.left());
  }
  run.check();
}

}  // namespace sd35::cli
