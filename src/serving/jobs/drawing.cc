#include "serving/jobs/drawing.h"

#include <algorithm>
#include <chrono>
#include <string>

#include "core/error.h"
#include "image/resize.h"

namespace sd35::serving {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr int kPreviewQuality = 85;
constexpr double kDecodingShare = 0.08;     // of the time of a picture, about
constexpr double kShareToGuessFrom = 0.02;  // of a job, before its end can be told
constexpr std::chrono::milliseconds kBetweenReports{200};

const char* name_of_stage(Stage stage) {
  switch (stage) {
    case Stage::load:
      return "load";
    case Stage::encode_prompt:
      return "encode_prompt";
    case Stage::encode_picture:
      return "encode_picture";
    case Stage::denoise:
      return "denoise";
    default:
      return "decode";
  }
}

double seconds_since(SteadyClock::time_point begin) {
  return std::chrono::duration<double>(SteadyClock::now() - begin).count();
}

EncodedPicturePointer encoded(const Picture& picture, const std::string& format, int quality,
                              std::uint64_t seed) {
  const std::vector<std::uint8_t> file = encode(picture, format, quality);
  EncodedPicture encoded{std::string(file.begin(), file.end()), format, picture.width, picture.height, seed};
  for (const auto& [key, text] : picture.metadata)
    if (key == "parameters") encoded.parameters = text;
  return std::make_shared<const EncodedPicture>(std::move(encoded));
}

class Drawing {
 public:
  Drawing(Job& job, Metrics& metrics) : job_(job), metrics_(metrics), request_(job.request()) {}

  void draw(const Pipeline& pipeline) {
    Callbacks callbacks;
    callbacks.on_progress = [this](const Progress& progress) { return on_progress(progress); };
    callbacks.on_picture = [this](const Picture& picture, int index) { on_picture(picture, index); };
    callbacks.on_warning = [this](const std::string& warning) { job_.warning(warning); };
    if (request_.previews || request_.partial_pictures > 0)
      callbacks.on_preview = [this](const Picture& preview, int step) { on_preview(preview, step); };
    pipeline.generate(request_.options, callbacks);
  }

 private:
  bool on_progress(const Progress& progress) {
    if (job_.cancel_at_once()) throw Cancelled();
    measure(progress);
    const bool news = progress.stage != last_.stage || progress.picture != last_.picture ||
                      progress.step != last_.step || progress.fraction >= 1;
    if (news || SteadyClock::now() - reported_ > kBetweenReports) report(progress);
    last_ = progress;
    return !job_.cancel_asked();
  }

  void measure(const Progress& progress) {
    const double count = request_.options.count;
    if (progress.stage == Stage::denoise) {
      if (progress.picture == 0 && progress.fraction == 0 && whole_ == 0) began_ = SteadyClock::now();
      if (progress.step > last_.step && last_.stage == Stage::denoise)
        metrics_.observe("sd35_step_seconds",
                         (progress.seconds - last_step_seconds_) / (progress.step - last_.step));
      if (progress.step != last_.step || progress.fraction == 0) last_step_seconds_ = progress.seconds;
      denoised_ = std::max(denoised_, progress.picture + progress.fraction * progress.pictures);
    }
    if (progress.stage == Stage::decode) decoded_ = std::max(decoded_, progress.picture + progress.fraction);
    whole_ = std::min(1.0, ((1 - kDecodingShare) * denoised_ + kDecodingShare * decoded_) / count);
    if (progress.fraction >= 1)
      metrics_.observe("sd35_job_seconds", progress.seconds, {{"stage", name_of_stage(progress.stage)}});
  }

  void report(const Progress& progress) {
    reported_ = SteadyClock::now();
    JobProgress report;
    report.stage = name_of_stage(progress.stage);
    report.picture = progress.picture;
    report.pictures = request_.options.count;
    report.step = progress.step;
    report.steps = progress.steps;
    report.fraction = progress.fraction;
    report.whole = whole_;
    if (whole_ > kShareToGuessFrom) report.eta_seconds = seconds_since(began_) * (1 - whole_) / whole_;
    job_.progress(report);
  }

  void on_picture(const Picture& picture, int index) {
    const std::uint64_t seed = request_.options.seed + static_cast<std::uint64_t>(index);
    job_.picture(encoded(picture, request_.format, request_.quality, seed));
    metrics_.add("sd35_pictures_total");
  }

  void on_preview(const Picture& preview, int step) {
    const std::uint64_t seed = request_.options.seed + static_cast<std::uint64_t>(last_.picture);
    if (request_.previews) job_.preview(encoded(preview, "jpeg", kPreviewQuality, seed), step);
    if (partial_picture_due(step, last_.steps, request_.partial_pictures) < 0) return;
    const Image large = resize({preview.width, preview.height, preview.rgb}, *request_.options.width,
                               *request_.options.height);
    job_.partial(encoded({large.width, large.height, large.rgb}, request_.format, request_.quality, seed),
                 step);
  }

  Job& job_;
  Metrics& metrics_;
  const JobRequest& request_;
  Progress last_;
  SteadyClock::time_point reported_, began_ = SteadyClock::now();
  double last_step_seconds_ = 0;
  double denoised_ = 0, decoded_ = 0;  // pictures
  double whole_ = 0;
};

}  // namespace

int partial_picture_due(int step, int steps, int count) {
  for (int i = 0; i < count; ++i)
    if (step == std::max(1, steps * (i + 1) / (count + 1)) && step < steps) return i;
  return -1;
}

void draw(Job& job, Models& models, Metrics& metrics) {
  const JobState state = job.state();
  metrics.observe(
      "sd35_job_wait_seconds",
      std::chrono::duration<double>(state.started.value_or(state.created) - state.created).count());
  if (job.cancel_asked()) throw Cancelled();
  const Models::PipelinePointer pipeline = models.pipeline_to_draw(job.request().model);
  metrics.set("sd35_models_loaded", models.loaded());
  Drawing(job, metrics).draw(*pipeline);
}

JobError explained(const Models& models) {
  try {
    throw;
  } catch (const ArgumentError& error) {
    return {400, "invalid_value", models.without_paths(error.what()), error.option()};
  } catch (const NumericError& error) {
    return {500, "numeric_error", models.without_paths(error.what()), ""};
  } catch (const MemoryError&) {
    return {500, "out_of_memory", "out of memory; a smaller picture needs less", ""};
  } catch (const FileError& error) {
    if (!error.option().empty() && error.option() != "loras")
      return {400, "invalid_value", models.without_paths(error.what()), error.option()};
    return {500, "file_error", "a file of the model or of a LoRA cannot be used; the server's log says which",
            ""};
  } catch (...) {
    return {500, "internal", "internal error", ""};
  }
}

}  // namespace sd35::serving
