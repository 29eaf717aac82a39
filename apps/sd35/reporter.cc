#include "reporter.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "interrupt.h"

namespace sd35::cli {
namespace {

constexpr double kSecondsBetweenLines = 5;
constexpr double kSecondsBetweenEvents = 0.5;

const char* name_of(Stage stage) {
  switch (stage) {
    case Stage::load:
      return "load";
    case Stage::encode_prompt:
      return "encode prompt";
    case Stage::encode_picture:
      return "encode picture";
    case Stage::denoise:
      return "denoise";
    case Stage::decode:
      return "decode";
    case Stage::convert:
      return "convert";
    case Stage::train_tokenizer:
      return "train tokenizer";
  }
  return "";
}

int terminal_width() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

// "denoise 12/40, 9.8 s a step, 4 min 34 s left"
std::string describe(const Progress& progress) {
  std::ostringstream text;
  std::string stage = name_of(progress.stage);
  std::ranges::replace(stage, '_', ' ');
  text << stage;
  if (!progress.part.empty()) text << ' ' << progress.part;
  if (progress.pictures > 1)
    text << " pictures " << progress.picture + 1 << " to " << progress.picture + progress.pictures;
  else if (progress.picture > 0)
    text << " picture " << progress.picture + 1;
  if (progress.steps > 0) text << ' ' << progress.step << '/' << progress.steps;
  const double done = progress.fraction * std::max(1, progress.steps);
  if (progress.steps > 0 && done > 0.05) text << ", " << duration(progress.seconds / done) << " a step";
  if (progress.fraction >= 1)
    text << ", " << duration(progress.seconds);
  else if (progress.fraction > 0.01)
    text << ", " << duration(progress.seconds * (1 - progress.fraction) / progress.fraction) << " left";
  return text.str();
}

void print_json(const nlohmann::ordered_json& json) {
  std::printf("%s\n", json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace).c_str());
  std::fflush(stdout);
}

}  // namespace

std::string duration(double seconds) {
  char text[32];
  if (seconds < 60)
    std::snprintf(text, sizeof(text), seconds < 10 ? "%.2f s" : "%.1f s", seconds);
  else
    std::snprintf(text, sizeof(text), "%d min %02d s", static_cast<int>(seconds) / 60,
                  static_cast<int>(seconds) % 60);
  return text;
}

Reporter::Reporter(Verbosity verbosity, std::FILE* results)
    : verbosity_(verbosity), results_(results), terminal_(isatty(STDERR_FILENO) == 1) {}

Reporter::~Reporter() { end_line(); }

Callbacks Reporter::callbacks() {
  Callbacks callbacks;
  callbacks.on_progress = [this](const Progress& progress) {
    this->progress(progress);
    if (interrupted() && progress.stage == Stage::decode) tell_of_stopping();
    return !interrupted();
  };
  callbacks.on_memory_plan = [this](const std::vector<MemoryStage>& stages) { plan(stages); };
  callbacks.on_warning = [this](const std::string& message) { warn(message); };
  return callbacks;
}

void Reporter::progress(const Progress& progress) {
  if (verbosity_ == Verbosity::quiet) return;
  const bool new_stage = progress.stage != stage_ || progress.picture != picture_;
  const bool new_step = progress.step != step_;
  const bool finished = progress.fraction >= 1;
  if (new_stage) last_shown_ = 0;
  const double since = progress.seconds - last_shown_;
  const bool due = verbosity_ == Verbosity::json
                       ? new_stage || new_step || finished || since > kSecondsBetweenEvents
                   : terminal_ ? new_stage || new_step || finished || since > 0.1
                               : finished || since > kSecondsBetweenLines;
  if (!due) return;
  stage_ = progress.stage;
  picture_ = progress.picture;
  step_ = progress.step;
  last_shown_ = progress.seconds;
  if (verbosity_ == Verbosity::json) {
    nlohmann::ordered_json event{{"event", "progress"},           {"stage", name_of(progress.stage)},
                                 {"picture", progress.picture},   {"pictures", progress.pictures},
                                 {"step", progress.step},         {"steps", progress.steps},
                                 {"fraction", progress.fraction}, {"seconds", progress.seconds}};
    if (!progress.part.empty()) event["part"] = progress.part;
    print_json(event);
  } else if (terminal_) {
    draw_bar(progress);
  } else {
    std::fprintf(stderr, "%s\n", describe(progress).c_str());
  }
}

void Reporter::draw_bar(const Progress& progress) {
  std::string text = describe(progress);
  text.resize(std::min(text.size(), static_cast<std::size_t>(std::max(0, terminal_width() - 4))));
  const int room = std::clamp(terminal_width() - static_cast<int>(text.size()) - 4, 0, 40);
  const int filled = static_cast<int>(progress.fraction * room);
  const std::string bar = std::string(static_cast<std::size_t>(filled), '=') +
                          std::string(static_cast<std::size_t>(room - filled), ' ');
  std::fprintf(stderr, "\r\033[K[%s] %s", bar.c_str(), text.c_str());
  std::fflush(stderr);
  line_open_ = true;
  if (progress.fraction >= 1) end_line();
}

void Reporter::end_line() {
  if (line_open_) std::fputc('\n', stderr);
  line_open_ = false;
}

// Decoding goes on after the first Ctrl-C, for as long as pictures wait for it.
void Reporter::tell_of_stopping() {
  if (std::exchange(told_of_stopping_, true) || verbosity_ == Verbosity::quiet) return;
  if (verbosity_ == Verbosity::json) return print_json({{"event", "stopping"}});
  end_line();
  std::fputs("stopping: what is denoised is decoded and saved first; Ctrl-C again gives it up\n", stderr);
}

void Reporter::warn(const std::string& message) {
  if (verbosity_ == Verbosity::json) return print_json({{"event", "warning"}, {"message", message}});
  if (verbosity_ == Verbosity::quiet) return;
  end_line();
  std::fprintf(stderr, "sd35: warning: %s\n", printable(message).c_str());
}

void Reporter::plan(const std::vector<MemoryStage>& stages) {
  if (verbosity_ == Verbosity::quiet) return;
  if (verbosity_ == Verbosity::json) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const MemoryStage& stage : stages)
      list.push_back({{"stage", stage.stage}, {"mode", stage.mode}, {"bytes", stage.bytes}});
    return print_json({{"event", "memory plan"}, {"stages", list}});
  }
  end_line();
  for (const MemoryStage& stage : stages)
    std::fprintf(stderr, "plan: %-14s %5.2f GB at most  %s\n", stage.stage.c_str(),
                 static_cast<double>(stage.bytes) / 1e9, stage.mode.c_str());
}

void Reporter::wrote(const std::string& path, std::uint64_t seed, std::optional<double> seconds) {
  const std::chrono::duration<double> in_all = std::chrono::steady_clock::now() - start_;
  const double took = seconds.value_or(in_all.count());
  end_line();
  if (verbosity_ == Verbosity::json)
    return print_json({{"event", "picture"}, {"path", path}, {"seed", seed}, {"seconds", took}});
  if (verbosity_ != Verbosity::person) return;
  std::fprintf(results_, "%s (seed %llu, %s)\n", printable(path).c_str(),
               static_cast<unsigned long long>(seed), duration(took).c_str());
  std::fflush(results_);
}

void Reporter::sheet(const std::string& columns, const std::string& rows) {
  if (verbosity_ == Verbosity::json)
    return print_json({{"event", "sheet"}, {"columns", columns}, {"rows", rows}});
  if (verbosity_ != Verbosity::person) return;
  end_line();
  std::fprintf(stderr, "columns: %s\n", printable(columns).c_str());
  if (!rows.empty()) std::fprintf(stderr, "rows: %s\n", printable(rows).c_str());
}

void Reporter::finished(std::size_t drawn, std::size_t there) {
  end_line();
  if (verbosity_ == Verbosity::json)
    return print_json({{"event", "finished"}, {"drawn", drawn}, {"there", there}});
  if (verbosity_ != Verbosity::person) return;
  std::fprintf(results_, "%zu drawn, %zu were there\n", drawn, there);
  std::fflush(results_);
}

}  // namespace sd35::cli
