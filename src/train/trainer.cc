#include "train/trainer.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <optional>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/messages.h"
#include "core/threads.h"
#include "core/yielding.h"
#include "data/prefetcher.h"
#include "image/grid.h"
#include "image/image_file.h"
#include "metrics/metrics_log.h"
#include "ops/torch/torch_ops.h"
#include "train/checkpoint.h"
#include "train/optimizers/adamw.h"
#include "train/optimizers/muon.h"
#include "train/optimizers/parameter_store.h"
#include "train/optimizers/weight_rounding.h"
#include "train/process_group.h"
#include "train/run_folder.h"
#include "train/samples/batches.h"
#include "train/starting_model.h"

namespace sd35::train {
namespace {

namespace fs = std::filesystem;

// As text, for the other processes.
std::string text_of(const StartingModel& model) {
  std::string text;
  for (const auto& [part, hash] : model) text += " " + part + " " + hash;
  return text;
}

// What `make` makes of the configuration. If the model, the data or the machine lacks what it asks for, the
// error names its file.
template <class Make>
auto asked_by(const TrainConfig& config, const Make& make) {
  try {
    return make();
  } catch (const ArgumentError&) {
    rethrow_with_context(config.location, config.location);
  }
}

// What one process does in a step.
struct PreparedStep {
  std::vector<MicroBatch> batches;
  std::vector<PreparedBatch> prepared;
};

// The speed of the steps since the last line of the log.
class Pace {
  using Clock = std::chrono::steady_clock;

 public:
  void count(std::int64_t samples) {
    ++steps_;
    samples_ += samples;
  }
  double samples_per_second() const { return static_cast<double>(samples_) / seconds(); }
  std::int64_t seconds_left(std::int64_t steps) const {
    return std::llround(seconds() / static_cast<double>(steps_) * static_cast<double>(steps));
  }
  // The part of the time spent waiting for batches.
  double waiting() const { return waited_ / seconds(); }
  void restart() { *this = Pace(); }

  // Counts the time of a call as waiting.
  template <class Call>
  auto wait_for(const Call& call) {
    const Clock::time_point began = Clock::now();
    auto result = call();
    waited_ += since(began);
    return result;
  }

 private:
  static double since(Clock::time_point begin) {
    return std::chrono::duration<double>(Clock::now() - begin).count();
  }
  double seconds() const { return since(began_); }

  Clock::time_point began_ = Clock::now();
  std::int64_t steps_ = 0, samples_ = 0;
  double waited_ = 0;
};

class Trainer {
 public:
  Trainer(const TrainConfig& config, const RunOptions& options, const StartingModel& model)
      : config_(config),
        options_(options),
        group_(ProcessGroup::join(config.device, config.identity + text_of(model))),
        lock_(group_->is_first() ? std::make_unique<RunLock>(options.folder) : nullptr),
        ops_(asked_by(config,
                      [&] {
                        return make_torch_ops(dtype_from_name(config.dtype), local_device(config.device),
                                              config.activation_checkpointing);
                      })),
        made_(asked_by(config, [&] { return make_objective(config, options.folder, options.on_message); })),
        store_(asked_by(config,
                        [&] {
                          return ParameterStore(*made_.objective, made_.weights.get(), *ops_, config.seed,
                                                local_device(config.device));
                        })),
        batches_(asked_by(config, [&] { return made_.objective->batches(); })),
        optimizer_(config.optimizer, store_.values()) {
    if (lock_) {
      keep_configuration(options.folder, config);
      keep_starting_model(options.folder, model);
    }
    if (config.muon) muon_.emplace(*config.muon, store_.hidden_matrices());
    // Batches have few shapes, so the fastest convolution for each is worth a search, but not if frozen parts
    // see whatever is not cached.
    if (!ops_->device().host && (config.task == Task::autoencoder || config.task == Task::clip))
      at::globalContext().setBenchmarkCuDNN(true);
    state_ = {0, store_.values(), optimizer_.first_moment(), optimizer_.second_moment(), {}};
    if (config.ema > 0) state_.average = store_.values().clone();
    if (options.resume) resume();
    if (state_.step > config.total_steps())
      throw ArgumentError("the run in " + in_quotes(options.folder.string()) + " has " +
                          std::to_string(state_.step) + " steps already; the configuration asks for " +
                          std::to_string(config.total_steps()) + ": give more, or begin in another folder");
    if (group_->is_first()) log_.emplace(options.folder, state_.step);
  }

  void run() {
    const std::int64_t total = config_.total_steps();
    say("training " + std::to_string(store_.values().numel()) + " values, steps " +
        std::to_string(state_.step) + " to " + std::to_string(total));
    prepare_ahead();
    while (state_.step < total) {
      step();
      if (stop_requested()) {
        // Without validation and samples, for which a person who asked to stop should not have to wait.
        checkpoint();
        say("stopped after step " + std::to_string(state_.step) + " of " + std::to_string(total) +
            "; --resume goes on from there");
        throw Cancelled();
      }
      const bool last = state_.step == total;
      if (due(config_.validate_every) || (last && config_.validate_every > 0)) validate();
      if (due(config_.sample_every) || (last && config_.sample_every > 0)) sample();
      if (due(config_.checkpoint_every) || last) checkpoint();
    }
    finish();
  }

 private:
  void resume() {
    if (const auto checkpoint = newest_checkpoint(options_.folder))
      read_checkpoint(*checkpoint, store_, state_);
    else
      say(in_quotes(options_.folder.string()) + " holds no checkpoint; the run begins at its first step");
  }

  // Another device computes while the CPU prepares what comes next, each thread a whole step, because a loop
  // within one is too short to share. On a CPU the two would only take turns.
  void prepare_ahead() {
    constexpr int most_threads = 16;
    if (ops_->device().host) return;
    const int threads = std::clamp(thread_count() - 2, 2, most_threads);  // two queue the device's work
    const auto alone = [this](std::int64_t step) {
      const SerialLoops serial;
      const OpenMpThreads one;
      return prepare(step);
    };
    ahead_.emplace(state_.step, threads + 2, alone, threads);
  }

  PreparedStep prepare(std::int64_t step) const {
    const c10::NoGradGuard no_history;
    PreparedStep result;
    if (step >= config_.total_steps()) return result;
    const Stage& stage = config_.settings_of(step);
    const std::int64_t local = stage.batch_size / group_->size(), micro = local / stage.accumulation;
    for (std::int64_t i = 0; i < stage.accumulation; ++i) {
      result.batches.push_back(batches_->at(step, group_->rank() * local + i * micro, micro));
      result.prepared.push_back(
          made_.objective->prepare(result.batches.back(), StepRandom(config_.seed, step)));
    }
    return result;
  }

  bool due(std::int64_t interval) const { return interval > 0 && state_.step % interval == 0; }

  void say(const std::string& message) const {
    if (group_->is_first() && options_.on_message) options_.on_message(message);
  }

  // All processes stop at the same step.
  bool stop_requested() {
    const bool here = options_.stop_requested && options_.stop_requested();
    if (group_->size() == 1) return here;
    at::Tensor any =
        at::full({1}, here ? 1.0 : 0.0, at::TensorOptions(at::kFloat).device(store_.values().device()));
    group_->average(any);
    return any.item<float>() > 0;
  }

  void step() {
    const Stage& stage = config_.settings_of(state_.step);
    const PreparedStep prepared =
        pace_.wait_for([&] { return ahead_ ? ahead_->next() : prepare(state_.step); });
    std::map<std::string, double> figures;
    const double loss = compute_gradients(prepared, stage, figures);
    group_->average(store_.gradients());
    const double norm = clip_gradients(prepared.batches);
    const double rate = learning_rate(stage);
    update_weights(rate);
    if (state_.average.defined())
      state_.average.lerp_(store_.values(), 1 - ema_decay(config_.ema, state_.step));
    ++state_.step;
    pace_.count(stage.batch_size);
    log_step(loss, norm, rate, figures);
  }

  // Returns the loss.
  double compute_gradients(const PreparedStep& prepared, const Stage& stage,
                           std::map<std::string, double>& figures) {
    store_.zero_gradients();
    double loss = 0;
    with_weights(store_.values(), stage, [&] {
      for (std::size_t i = 0; i < prepared.batches.size(); ++i) {
        const at::Tensor value =
            made_.objective->loss(*ops_, prepared.prepared[i], figures) / stage.accumulation;
        value.backward();  // before the loss is read: a device is idle while it answers
        const auto number = value.item<double>();
        check_finite(number, "the loss", prepared.batches[i]);
        loss += number;
      }
    });
    return loss;
  }

  // Muon's momentum is kept in AdamW's first moment.
  void update_weights(double rate) {
    const std::int64_t begin = muon_ ? store_.hidden_elements() : 0;
    if (muon_) muon_->step(store_.values(), store_.gradients(), optimizer_.first_moment(), rate);
    optimizer_.step(store_.values(), store_.gradients(), begin, store_.decayed_elements(), state_.step + 1,
                    rate);
  }

  double clip_gradients(const std::vector<MicroBatch>& batches) {
    const double norm = store_.gradients().norm().item<double>();
    check_finite(norm, "the gradient", batches.front());
    // As torch.nn.utils.clip_grad_norm_.
    if (config_.max_gradient_norm > 0) {
      const double factor = config_.max_gradient_norm / (norm + 1e-6);
      if (factor < 1) at::Tensor(store_.gradients()).mul_(factor);
    }
    return norm;
  }

  double learning_rate(const Stage& stage) const {
    const LearningRateSchedule schedule{config_.schedule, config_.warmup_steps, config_.total_steps()};
    const double rate = stage.learning_rate > 0 ? stage.learning_rate : config_.optimizer.learning_rate;
    return rate * schedule.factor(state_.step);
  }

  void check_finite(double value, const char* what, const MicroBatch& batch) const {
    if (std::isfinite(value)) return;
    std::string names;
    for (std::size_t i = 0; i < std::min<std::size_t>(4, batch.samples.size()); ++i)
      names += (i == 0 ? "" : ", ") + made_.objective->name_of(batch.samples[i]);
    if (batch.samples.size() > 4) names += ", ...";
    throw NumericError(
        "training diverged: " + std::string(what) + " of step " + std::to_string(state_.step + 1) +
        " is not a number (batch: " + names +
        "); a lower learning rate or f32 may help, and --resume goes back to the last checkpoint");
  }

  void log_step(double loss, double norm, double rate, std::map<std::string, double> figures) {
    // What one process saw of the batch; the mean over all takes one exchange, at the steps that are logged.
    const bool logged = state_.step % config_.log_every == 0 || state_.step == config_.total_steps();
    if (!logged) return;
    if (group_->size() > 1) {
      at::Tensor mean = at::full({1}, loss, at::TensorOptions(at::kFloat).device(store_.values().device()));
      group_->average(mean);
      loss = mean.item<double>();
    }
    if (!log_) return;
    figures["loss"] = loss;
    figures["gradient_norm"] = norm;
    figures["learning_rate"] = rate;
    figures["samples_per_second"] = pace_.samples_per_second();
    figures["waiting"] = pace_.waiting();
    log_->log(state_.step, figures);
    const std::int64_t total = config_.total_steps(), left = pace_.seconds_left(total - state_.step);
    char line[160];
    std::snprintf(line, sizeof(line), "step %lld/%lld  loss %.4f  %.4g samples/s  %lld:%02lld:%02lld left",
                  static_cast<long long>(state_.step), static_cast<long long>(total), loss,
                  pace_.samples_per_second(), static_cast<long long>(left / 3600),
                  static_cast<long long>(left / 60 % 60), static_cast<long long>(left % 60));
    say(line);
    pace_.restart();
  }

  // With `wanted` in place of the weights, rounded if the stage asks for that.
  template <class Body>
  void with_weights(const at::Tensor& wanted, const Stage& stage, const Body& body) {
    at::Tensor values = store_.values(), kept;
    const bool other = !wanted.is_same(values);
    if (other || stage.round_to_fp8) kept = values.clone();
    if (other) values.copy_(wanted);
    if (stage.round_to_fp8) round_matrices(store_, values);
    body();
    if (kept.defined()) values.copy_(kept);
  }

  // With the moving average, if any; in the first process, for which the others wait.
  template <class Body>
  void with_average_alone(const Body& body) {
    const Stage& stage = config_.stages[config_.stage_of(state_.step - 1)];
    group_->first_alone(
        [&] { with_weights(state_.average.defined() ? state_.average : store_.values(), stage, body); });
  }

  void validate() {
    with_average_alone([&] {
      const double loss = made_.objective->validation_loss(*ops_);
      std::map<std::string, double> figures = made_.objective->validation_figures(*ops_);
      if (std::isfinite(loss)) figures["validation_loss"] = loss;
      if (!figures.empty()) log_->log(state_.step, figures);
    });
  }

  // An interruption skips them; the next step then stops the run, in all processes.
  void sample() {
    Callbacks callbacks;
    callbacks.on_progress = [this](const Progress&) {
      return !options_.stop_requested || !options_.stop_requested();
    };
    with_average_alone([&] {
      std::vector<Image> images;
      try {
        images = made_.objective->samples(*ops_, callbacks);
      } catch (const Cancelled&) {
      }
      if (images.empty()) return;
      char name[64];
      std::snprintf(name, sizeof(name), "samples-%08lld.png", static_cast<long long>(state_.step));
      write_image(options_.folder / name, grid_of(images));
    });
  }

  // The loss of a step does not show what its own update did to the weights.
  void check_weights() const {
    if (at::isfinite(store_.values()).all().item<bool>()) return;
    throw NumericError(
        "training diverged: weights after step " + std::to_string(state_.step) +
        " are not numbers; a lower learning rate or f32 may help, and --resume goes back to the last "
        "checkpoint");
  }

  void checkpoint() {
    check_weights();
    group_->first_alone([&] {
      write_checkpoint(options_.folder, store_, state_, config_.keep_checkpoints);
      log_->write_chart();
    });
  }

  void finish() {
    if (!log_) return;
    made_.objective->write(options_.folder,
                           store_.by_name(state_.average.defined() ? state_.average : store_.values()));
    say(config_.task == Task::lora
            ? "done: draw with --lora " + (options_.folder / "lora.safetensors").string()
            : "done: draw with --model " + (options_.folder / "model").string());
  }

  const TrainConfig& config_;
  const RunOptions& options_;
  std::unique_ptr<ProcessGroup> group_;
  std::unique_ptr<RunLock> lock_;
  std::unique_ptr<Ops> ops_;
  ObjectiveAndWeights made_;
  ParameterStore store_;
  std::unique_ptr<Batches> batches_;
  AdamW optimizer_;
  std::optional<Muon> muon_;
  TrainingState state_;
  Pace pace_;
  std::optional<MetricsLog> log_;                  // of the first process
  std::optional<Prefetcher<PreparedStep>> ahead_;  // on a CPU none; last: its threads use the rest
};

}  // namespace

void run_training(const TrainConfig& config, const RunOptions& options) {
  const ThreadCount threads(options.threads);
  const OpenMpThreads of_torch;
  const YieldWhenBusy yielding;
  prepare_run_folder(options.folder, config, options.resume);
  const StartingModel model = starting_model(config);
  check_starting_model(options.folder, config, model);
  Trainer(config, options, model).run();
}

}  // namespace sd35::train
