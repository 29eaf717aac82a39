#include <cstring>

#include "c_api/handles.h"
#include "core/error.h"
#include "options/option_json.h"

namespace sd35::c_api {
namespace {

const char* name_of(Stage stage) {
  switch (stage) {
    case Stage::load:
      return "load";
    case Stage::encode_prompt:
      return "encode_prompt";
    case Stage::encode_picture:
      return "encode_picture";
    case Stage::denoise:
      return "denoise";
    case Stage::decode:
      return "decode";
    case Stage::convert:
      return "convert";
    case Stage::train_tokenizer:
      break;
  }
  return "train_tokenizer";
}

// As much of the caller's struct as it was compiled with.
sd35_callbacks known_part(const sd35_callbacks* callbacks) {
  sd35_callbacks known{};
  if (callbacks == nullptr) return known;
  if (callbacks->size < offsetof(sd35_callbacks, on_progress))
    throw ArgumentError("callbacks.size is " + std::to_string(callbacks->size) +
                        "; it must be sizeof(sd35_callbacks)");
  std::memcpy(&known, callbacks, std::min(callbacks->size, sizeof known));
  return known;
}

}  // namespace

Callbacks callbacks_of(const sd35_callbacks* given, const sd35_pipeline* watched) {
  const sd35_callbacks c = known_part(given);
  Callbacks callbacks;
  const std::uint64_t before = watched == nullptr ? 0 : watched->cancelled.load();
  callbacks.on_progress = [c, watched, before](const Progress& now) {
    if (watched != nullptr && watched->cancelled.load() != before) return false;
    return c.on_progress == nullptr || c.on_progress(c.user_data, name_of(now.stage), now.picture, now.step,
                                                     now.steps, now.fraction) != 0;
  };
  if (c.on_preview != nullptr)
    callbacks.on_preview = [c](const Picture& preview, int step) {
      c.on_preview(c.user_data, preview.rgb.data(), preview.width, preview.height, step);
    };
  if (c.on_step != nullptr)
    callbacks.on_step = [c](const StepResult& result) {
      return c.on_step(c.user_data, result.latents.data(), result.shape.data(), result.picture, result.step,
                       result.timestep) != 0;
    };
  if (c.on_warning != nullptr)
    callbacks.on_warning = [c](const std::string& message) { c.on_warning(c.user_data, message.c_str()); };
  return callbacks;
}

namespace {

const Picture& picture_at(const sd35_result* result, int index) {
  require(result, "result");
  if (index < 0 || index >= sd35_result_count(result))
    throw ArgumentError("there is no picture " + std::to_string(index) + "; there are " +
                        std::to_string(sd35_result_count(result)) + ", from 0 on");
  return result->pictures[static_cast<std::size_t>(index)];
}

}  // namespace
}  // namespace sd35::c_api

namespace c_api = sd35::c_api;

const char* sd35_version(void) {
  static const std::string kVersion = sd35::version();
  return kVersion.c_str();
}
int sd35_abi_version(void) { return 1; }

sd35_status sd35_pipeline_open(const char* model, const sd35_options* load, sd35_pipeline** pipeline) {
  if (pipeline != nullptr) *pipeline = nullptr;
  return c_api::guarded([&] {
    c_api::require(model, "model");
    c_api::require(pipeline, "pipeline");
    c_api::hand_over(std::make_unique<sd35_pipeline>(sd35::Model::open(model, c_api::load_options(load))),
                     pipeline);
  });
}

void sd35_pipeline_free(sd35_pipeline* pipeline) { delete pipeline; }

sd35_status sd35_pipeline_hash(const sd35_pipeline* pipeline, sd35_buffer** hash) {
  if (hash != nullptr) *hash = nullptr;
  return c_api::guarded([&] {
    c_api::require(pipeline, "pipeline");
    c_api::require(hash, "hash");
    c_api::hand_over_text(pipeline->model.hash(), hash);
  });
}

sd35_status sd35_pipeline_complete(const sd35_pipeline* pipeline, const sd35_options* options,
                                   sd35_buffer** json) {
  if (json != nullptr) *json = nullptr;
  return c_api::guarded([&] {
    c_api::require(pipeline, "pipeline");
    c_api::require(json, "json");
    const sd35::GenerateOptions complete = pipeline->pipeline.completed(c_api::generate_options(options));
    c_api::hand_over_text(sd35::options_to_json(complete).dump(-1, ' ', true), json);
  });
}

sd35_status sd35_generate(sd35_pipeline* pipeline, const sd35_options* options,
                          const sd35_callbacks* callbacks, sd35_result** result) {
  if (result != nullptr) *result = nullptr;
  return c_api::guarded([&] {
    c_api::require(pipeline, "pipeline");
    c_api::require(result, "result");
    const sd35::Callbacks watched = c_api::callbacks_of(callbacks, pipeline);
    const sd35::GenerateOptions generate = c_api::generate_options(options);
    auto made = std::make_unique<sd35_result>();
    made->first_seed = generate.seed;
    made->pictures = pipeline->pipeline.generate(generate, watched);
    c_api::hand_over(std::move(made), result);
  });
}

void sd35_cancel(sd35_pipeline* pipeline) {
  if (pipeline != nullptr) ++pipeline->cancelled;
}

int sd35_result_count(const sd35_result* result) {
  return result == nullptr ? 0 : static_cast<int>(result->pictures.size());
}

const uint8_t* sd35_result_pixels(const sd35_result* result, int index, int* width, int* height) {
  const sd35::Picture* picture = nullptr;
  c_api::guarded([&] { picture = &c_api::picture_at(result, index); });
  if (width != nullptr) *width = picture == nullptr ? 0 : picture->width;
  if (height != nullptr) *height = picture == nullptr ? 0 : picture->height;
  return picture == nullptr ? nullptr : picture->rgb.data();
}

uint64_t sd35_result_seed(const sd35_result* result, int index) {
  return result == nullptr ? 0 : result->first_seed + static_cast<std::uint64_t>(index);
}

sd35_status sd35_result_encode(const sd35_result* result, int index, const char* format, int quality,
                               sd35_buffer** file) {
  if (file != nullptr) *file = nullptr;
  return c_api::guarded([&] {
    c_api::require(format, "format");
    c_api::require(file, "file");
    const sd35::Picture& picture = c_api::picture_at(result, index);
    const std::vector<std::uint8_t> bytes =
        quality == 0 ? sd35::encode(picture, format) : sd35::encode(picture, format, quality);
    c_api::hand_over_text({bytes.begin(), bytes.end()}, file);
  });
}

sd35_status sd35_result_save(const sd35_result* result, int index, const char* path) {
  return c_api::guarded([&] {
    c_api::require(path, "path");
    sd35::save(c_api::picture_at(result, index), path);
  });
}

void sd35_result_free(sd35_result* result) { delete result; }
