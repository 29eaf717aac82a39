// The whole way from prompt to picture on one model: seconds of each stage, a step's share of the machine's
// ceiling measured in the same run, and the peak resident memory.
//
//   bench_pipeline MODEL [--sizes 512 1024] [--dtype bf16] [--threads 2] [--steps 3] [--no-t5]
//   [--max-sequence-length 256]
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bench/ceiling.h"
#include "core/threads.h"
#include "mmdit/config.h"
#include "sd35/sd35.h"
#include "weights/model_files.h"

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

}  // namespace

int main(int argc, char** argv) {
  std::string model, dtype = "bf16";
  std::vector<int> sizes{512, 1024};
  int threads = 0, steps = 3, max_sequence_length = 256;
  bool no_t5 = false;
  CLI::App app("Seconds and memory of every stage");
  app.add_option("model", model)->required();
  app.add_option("--sizes", sizes);
  app.add_option("--dtype", dtype);
  app.add_option("--threads", threads);
  app.add_option("--steps", steps);
  app.add_option("--max-sequence-length", max_sequence_length);
  app.add_flag("--no-t5", no_t5);
  CLI11_PARSE(app, argc, argv);

  sd35::set_thread_count(threads);
  const double ceiling = dtype == "bf16" ? bench::bf16_ceiling_gflops() : bench::f32_ceiling_gflops();
  std::printf("threads %d, %s ceiling %.0f GFLOP/s\n", sd35::thread_count(), dtype.c_str(), ceiling);
  const sd35::ModelFiles files = sd35::ModelFiles::open(model);
  const auto config = sd35::MmditConfig::from_json(files.config(sd35::Component::transformer), model);

  std::printf("%6s %10s %12s %8s %9s %8s %8s %8s\n", "size", "text, s", "to step 1, s", "step, s", "GFLOP/s",
              "ceiling", "decode,s", "peak, GB");
  for (const int size : sizes) {
    const Clock::time_point start = Clock::now();
    sd35::LoadOptions load;
    load.dtype = dtype;
    load.threads = threads;
    load.use_t5 = !no_t5;
    sd35::Pipeline pipeline = sd35::Pipeline::from_pretrained(model, load);
    sd35::GenerateOptions options;
    options.prompt = "A capybara holding a sign that reads Hello World";
    options.width = options.height = size;
    options.num_inference_steps = steps;
    options.max_sequence_length = max_sequence_length;
    const Timeline timeline = draw(pipeline, options, start);
    const double tokens = static_cast<double>(size) / 16 * size / 16;
    const double step = median(timeline.steps);
    const double rate = 2 * forward_flops(config, tokens, 77 + max_sequence_length) / step / 1e9;
    std::printf("%6d %10.2f %12.2f %8.2f %9.0f %7.0f%% %8.2f %8.2f\n", size, timeline.text,
                timeline.first_step, step, rate, 100 * rate / ceiling, timeline.decode, peak_gigabytes());
    std::fflush(stdout);
  }
  return 0;
}
