// The whole way from prompt to picture on one model, in several formats: seconds of each stage, a step's
// share of the machine's ceiling measured in the same run, and the peak resident memory. Each row is measured
// in its own process.
//
//   bench_pipeline MODEL [--formats f32 bf16 int8 nf4] [--sizes 512 1024] [--threads 2] [--steps 3] [--no-t5]
//   [--max-sequence-length 256] [--json FILE]
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/ceiling.h"
#include "core/threads.h"
#include "mmdit/config.h"
#include "sd35/sd35.h"
#include "weights/model/model_files.h"

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double peak_gigabytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) * 1024 / 1e9;
}

// Operations of one forward for one picture: multiply-adds count twice; modulation and embedders are left
// out.
double forward_flops(const sd35::MmditConfig& config, double image_tokens, double text_tokens) {
  const double width = static_cast<double>(config.width()), all = image_tokens + text_tokens;
  double flops = 0;
  for (int i = 0; i < config.num_layers; ++i) {
    const bool last = i + 1 == config.num_layers;
    flops += 2 * width * width * (12 * image_tokens + (last ? 3 : 12) * text_tokens);
    flops += 4 * width * (last ? image_tokens : all) * all;
    if (config.dual_attention[static_cast<std::size_t>(i)])
      flops += 2 * width * width * 4 * image_tokens + 4 * width * image_tokens * image_tokens;
  }
  return flops;
}

struct Timeline {
  double first_step = 0, text = 0, load = 0, decode = 0;
  std::vector<double> steps;
};

Timeline draw(sd35::Pipeline& pipeline, const sd35::GenerateOptions& options, Clock::time_point start) {
  Timeline timeline;
  int step = 0;
  Clock::time_point step_began = Clock::now();
  sd35::Callbacks callbacks;
  callbacks.on_progress = [&](const sd35::Progress& progress) {
    if (progress.stage == sd35::Stage::encode_prompt) timeline.text = progress.seconds;
    if (progress.stage == sd35::Stage::load) timeline.load = progress.seconds;
    if (progress.stage == sd35::Stage::decode) timeline.decode = progress.seconds;
    if (progress.stage == sd35::Stage::denoise) {
      if (timeline.first_step == 0) {
        timeline.first_step = seconds_since(start);
        step_began = Clock::now();
      }
      if (progress.step > step) {
        step = progress.step;
        timeline.steps.push_back(seconds_since(step_began));
        step_began = Clock::now();
      }
    }
    return true;
  };
  pipeline.generate(options, callbacks);
  return timeline;
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values.empty() ? 0 : values[values.size() / 2];
}

struct Run {
  std::string model;
  int threads = 0, steps = 3, max_sequence_length = 256;
  bool no_t5 = false;
};

// One row. The ceiling is that of the type that attention and unpacked weights are multiplied in, also for
// int8.
nlohmann::json measure(const Run& run, const std::string& format, int size) {
  const bool f32 = format == "f32";
  const sd35::ThreadCount threads(run.threads);
  const double ceiling = f32 ? sd35::f32_ceiling_gflops() : sd35::bf16_ceiling_gflops();
  const sd35::ModelFiles files = sd35::ModelFiles::open(run.model);
  const auto config = sd35::MmditConfig::from_json(files.config(sd35::Component::transformer), run.model);

  const Clock::time_point start = Clock::now();
  sd35::LoadOptions load;
  load.dtype = f32 ? "f32" : "bf16";
  load.quantize = f32 || format == "bf16" ? "none" : format;
  load.threads = run.threads;
  load.use_t5 = !run.no_t5;
  sd35::Pipeline pipeline = sd35::Pipeline::from_pretrained(run.model, load);
  sd35::GenerateOptions options;
  options.prompt = "A capybara holding a sign that reads Hello World";
  options.width = options.height = size;
  options.num_inference_steps = run.steps;
  options.max_sequence_length = run.max_sequence_length;
  const Timeline timeline = draw(pipeline, options, start);
  const double tokens = static_cast<double>(size) / 16 * size / 16, step = median(timeline.steps);
  const double gflops = 2 * forward_flops(config, tokens, 77 + run.max_sequence_length) / step / 1e9;
  return {{"program", "sd35"},
          {"format", format},
          {"size", size},
          {"threads", sd35::thread_count()},
          {"text", timeline.text},
          {"to_step_1", timeline.first_step},
          {"step", step},
          {"gflops", gflops},
          {"ceiling", ceiling},
          {"decode", timeline.decode},
          {"memory", peak_gigabytes()}};
}

// The same in a separate process, whose peak of memory is that of this row. Null when it failed.
nlohmann::json measure_apart(const Run& run, const std::string& format, int size) {
  int ends[2];
  if (pipe(ends) != 0) return {};
  const pid_t child = fork();
  if (child == 0) {
    int status = 1;
    try {
      const std::string row = measure(run, format, size).dump();
      status = write(ends[1], row.data(), row.size()) == static_cast<ssize_t>(row.size()) ? 0 : 1;
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s %d: %s\n", format.c_str(), size, error.what());
    }
    _exit(status);
  }
  close(ends[1]);
  std::string text;
  char block[4096];
  for (ssize_t count = 0; (count = read(ends[0], block, sizeof(block))) > 0;)
    text.append(block, static_cast<std::size_t>(count));
  close(ends[0]);
  int status = 1;
  waitpid(child, &status, 0);
  return status == 0 ? nlohmann::json::parse(text) : nlohmann::json();
}

void print(const nlohmann::json& row) {
  const auto number = [&](const char* key) { return row[key].get<double>(); };
  std::printf("%6s %6d %10.2f %12.2f %8.2f %9.0f %9.0f %7.0f%% %9.2f %9.2f\n",
              row["format"].get<std::string>().c_str(), row["size"].get<int>(), number("text"),
              number("to_step_1"), number("step"), number("gflops"), number("ceiling"),
              100 * number("gflops") / number("ceiling"), number("decode"), number("memory"));
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  Run run;
  std::string json;
  std::vector<std::string> formats{"f32", "bf16", "int8", "nf4"};
  std::vector<int> sizes{512, 1024};
  CLI::App app("Seconds and memory of every stage");
  app.add_option("model", run.model)->required();
  app.add_option("--formats", formats);
  app.add_option("--sizes", sizes);
  app.add_option("--threads", run.threads);
  app.add_option("--steps", run.steps);
  app.add_option("--max-sequence-length", run.max_sequence_length);
  app.add_flag("--no-t5", run.no_t5);
  app.add_option("--json", json, "Writes the rows to this file");
  CLI11_PARSE(app, argc, argv);

  std::printf("%6s %6s %10s %12s %8s %9s %9s %8s %9s %9s\n", "format", "size", "text, s", "to step 1, s",
              "step, s", "GFLOP/s", "ceiling", "share", "decode, s", "peak, GB");
  std::fflush(stdout);
  nlohmann::json rows = nlohmann::json::array();
  bool complete = true;
  for (const int size : sizes)
    for (const std::string& format : formats) {
      const nlohmann::json row = measure_apart(run, format, size);
      complete = complete && !row.is_null();
      if (row.is_null()) continue;
      print(row);
      rows.push_back(row);
    }
  if (!json.empty()) std::ofstream(json) << rows.dump(1) << '\n';
  return complete ? 0 : 1;
}
