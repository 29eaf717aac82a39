// How a call of the library tells what it does, and is stopped.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace sd35 {

struct Picture;

enum class Stage : std::uint8_t {
  load,
  encode_prompt,
  encode_picture,
  denoise,
  decode,
  convert,
  train_tokenizer
};

// What is happening; sent often, cheap to ignore. Each stage is reported with a fraction of 0 first and of 1
// last.
struct Progress {
  Stage stage = Stage::load;
  int picture = 0;  // index of the picture, where it applies
  int step = 0;     // done of `steps`
  int steps = 0;
  int pictures = 1;     // that go through the stage together, `picture` and those after it
  double fraction = 0;  // of the stage, 0 to 1, finer than steps
  double seconds = 0;   // since the stage began
  std::string part;     // what is loaded: "transformer", "decoder"; empty in other stages
};

// What a step of denoising has reached.
struct StepResult {
  std::span<float> latents;             // of the pictures that are denoised together, in the denoiser's scale
  std::array<std::int64_t, 4> shape{};  // [B, C, h, w]
  int picture = 0;                      // index of the first of the B
  int step = 0;                         // done of `steps`
  int steps = 0;
  double timestep = 0;  // of the step, 1000 at pure noise
};

// What a stage of a picture takes.
struct MemoryStage {
  std::string stage;        // "denoise"
  std::string mode;         // "streamed, one prompt after the other"
  std::uint64_t bytes = 0;  // expected peak of the process's resident memory, mapped files included
};

// Called by the thread that called generate(). What one of them throws comes out of generate().
struct Callbacks {
  // Return false to stop: generate() then throws Cancelled within a second or one operation. Where on_picture
  // is set, what is denoised by then (small pictures: up to eight at once) is decoded and delivered first;
  // on_progress goes on being called meanwhile, but its return value no longer matters. To give those
  // pictures up and stop at once, throw.
  std::function<bool(const Progress&)> on_progress;
  // Each picture as soon as it is decoded, number 0 first; its seed is GenerateOptions::seed + index. A
  // picture that was denoised is always delivered: on Cancelled, and on any error but one that a callback
  // throws meanwhile. A picture that ends in NaN is a warning; its NumericError comes when the others are
  // drawn. Callbacks must not draw with the same model. Where this is set generate() returns no pictures, so
  // memory does not grow with their number.
  std::function<void(const Picture& picture, int index)> on_picture;
  // A rough picture of where each step leads (1/8 of the size, unless LoadOptions::preview_with is an
  // autoencoder), where wanted: `step` steps of all are done, of the picture that on_progress reported last.
  // Small pictures, of which several would be denoised at once, are then drawn one by one. Never called where
  // the colours of the model's latents are not known: `preview` of its sd35.json, docs/weights.md.
  std::function<void(const Picture& preview, int step)> on_preview;
  int preview_every = 1;  // steps from one preview to the next
  // After each step; may change the latents, and with them the picture. Return false to stop, as from
  // on_progress.
  std::function<bool(const StepResult&)> on_step;
  // Something a person should know: a prompt that was cut, a size beyond what the model was trained for.
  std::function<void(const std::string&)> on_warning;
  // Called before anything is loaded, if LoadOptions::max_memory is set.
  std::function<void(const std::vector<MemoryStage>&)> on_memory_plan;
};

}  // namespace sd35
