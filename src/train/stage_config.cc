#include "train/stage_config.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "train/samples/stage_mix.h"

namespace sd35::train {
namespace {

using nlohmann::json;

constexpr double kLeastShare = 1.0 / kMixedSteps;  // of the steps of a stage

// "12x6"
ImageSize shape_from_text(const std::string& text) {
  constexpr int most = 256;  // tokens per side
  ImageSize shape{0, 0};
  const char* const end = text.data() + text.size();
  const auto [by, error] = std::from_chars(text.data(), end, shape.width);
  if (error == std::errc() && by != end && *by == 'x') {
    const auto [stop, second_error] = std::from_chars(by + 1, end, shape.height);
    if (second_error == std::errc() && stop == end && std::min(shape.width, shape.height) >= 1 &&
        std::max(shape.width, shape.height) <= most)
      return shape;
  }
  throw FileError(in_quotes(text) +
                  " is not a width x height in image tokens of 16 pixels, such as \"12x6\"");
}

// The windows, and their share of the batches.
Windows read_window(Section section, double& share) {
  Windows windows;
  section.number("share", share, kLeastShare, 1);
  for (const std::string& text : section.texts("shapes")) try {
      windows.shapes.push_back(shape_from_text(text));
    } catch (const FileError& error) {
      section.fail("shapes", std::string("must be a list of window sizes: ") + error.what());
    }
  if (windows.shapes.empty()) section.fail("shapes", "must name at least one, such as \"12x6\"");
  section.boolean("text_only", windows.text_only);
  section.finish();
  return windows;
}

void read_crops(Section& section, Stage& stage) {
  section.integer("crop", stage.crop, 16, 4096);
  if (stage.crop % 16 != 0) section.fail("crop", "must be a multiple of 16");
  if (section.has("text_crops") && stage.crop == 0)
    section.fail("text_crops", "is a share of the crops, and there is no 'crop'");
  section.number("text_crops", stage.text_crops, 0, 1);
}

Route read_route(Section section) {
  Route route;
  if (!section.has("share")) section.fail("share", "is missing: of the image tokens");
  section.number("share", route.share, 0.01, 0.95);
  section.integer("from", route.from, 1, 256);
  section.integer("to", route.to, 1, 256);
  if (route.from == 0 || route.to < route.from)
    section.fail("to", "and 'from' must name the first and the last block that tokens go past, from 1");
  section.finish();
  return route;
}

void read_rounding(Section& section, Stage& stage) {
  if (!section.has("round_to")) return;
  std::string type;
  section.choice("round_to", type, {"fp8"});
  stage.round_to_fp8 = true;
}

// What a stage and an element of its mix both say. Keys that are missing leave what `stage` has.
void read_batches(Section& section, Task task, Stage& stage) {
  check_keys(section, stage_keys_of_tasks(), task);
  const bool pictures = task != Task::t5;
  section.integer("batch_size", stage.batch_size, 1, 1 << 20);
  section.integer("accumulation", stage.accumulation, 1, 1 << 20);
  if (stage.batch_size % stage.accumulation != 0) section.fail("accumulation", "must divide batch_size");
  const bool sized_elsewhere = !stage.resolutions.empty() || section.has("mix");
  if (pictures && (section.has("resolutions") || !sized_elsewhere)) {
    stage.resolutions.clear();
    for (const std::int64_t side : section.integers("resolutions", 16, 4096)) {
      if (side % 16 != 0) section.fail("resolutions", "must be multiples of 16");
      stage.resolutions.push_back(static_cast<int>(side));
    }
    if (stage.resolutions.empty()) section.fail("resolutions", "must name at least one");
  }
  section.number("max_aspect", stage.max_aspect, 1, 4);
  section.boolean("enlarge", stage.enlarge);
  section.boolean("shrink", stage.shrink);
  section.number("shift", stage.shift, 0, 100);
  section.integer("max_sequence_length", stage.max_sequence_length, 1, 512);
  section.number("learning_rate", stage.learning_rate, 0, 1);
  section.boolean("trim_text", stage.trim_text);
  read_crops(section, stage);
  if (!section.has("route")) return;
  stage.route = read_route(section.inner("route"));
}

// Adds what the section says to the mix of `stage`: with windows of a part of the batches, two elements.
void add_to_mix(Section& section, Stage element, Stage& stage) {
  double windowed = 0;
  std::optional<Windows> windows;
  if (section.has("window")) windows = read_window(section.inner("window"), windowed = 1);
  const double share = element.share;
  for (const bool window : {true, false}) {
    element.share = share * (window ? windowed : 1 - windowed);
    if (element.share <= 0) continue;
    if (element.share < kLeastShare - 1e-9)
      section.fail("window", "and the share of its batches leave less than one step of a hundred");
    element.window = window ? windows : std::nullopt;
    stage.mix.push_back(element);
  }
}

void read_mix(const json& list, const Section& section, Task task, Stage& stage) {
  if (!list.is_array() || list.empty()) section.fail("mix", "must be a list of objects");
  double sum = 0;
  for (std::size_t i = 0; i < list.size(); ++i) {
    Section part(list[i], section.location_of("mix " + std::to_string(i + 1)));
    Stage element = stage;
    element.mix.clear();
    read_batches(part, task, element);
    if (!part.has("share")) part.fail("share", "is missing: of the stage's steps");
    part.number("share", element.share, kLeastShare, 1);
    sum += element.share;
    add_to_mix(part, element, stage);
    if (part.has("mix")) part.fail("mix", "cannot lie in another");
    part.finish();
  }
  if (std::abs(sum - 1) > 1e-6)
    section.fail("mix", "has shares whose sum is " + std::to_string(sum) + "; it must be 1");
  for (const Stage& element : stage.mix) {
    stage.max_sequence_length = std::max(stage.max_sequence_length, element.max_sequence_length);
    for (const int side : element.resolutions)
      if (std::ranges::find(stage.resolutions, side) == stage.resolutions.end())
        stage.resolutions.push_back(side);
  }
}

}  // namespace

Stage read_stage(Section section, Task task) {
  Stage stage;
  section.integer("steps", stage.steps, 1);
  if (stage.steps == 0) section.fail("steps", "is missing");
  read_rounding(section, stage);
  read_batches(section, task, stage);
  if (!section.has("mix")) {
    add_to_mix(section, stage, stage);
    if (stage.mix.size() == 1) stage = Stage(std::exchange(stage.mix, {}).front());
  } else if (section.has("window")) {
    section.fail("window", "belongs in the elements of 'mix'");
  } else {
    read_mix(section.part("mix"), section, task, stage);
  }
  section.finish();
  return stage;
}

}  // namespace sd35::train
