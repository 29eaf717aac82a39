// The C API as a program meets it, on the tiny random model.
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "sd35/sd35.h"
#include "sd35/sd35_c.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_model.h"

namespace {

std::string text_of(sd35_buffer* buffer) {
  std::string text(sd35_buffer_data(buffer), sd35_buffer_size(buffer));
  sd35_buffer_free(buffer);
  return text;
}

class CApiTest : public testing::Test {
 protected:
  CApiTest() {
    EXPECT_EQ(sd35_options_set_string(load_, "dtype", "f32"), SD35_OK);
    EXPECT_EQ(sd35_pipeline_open(sd35::tiny_model().c_str(), load_, &pipeline_), SD35_OK)
        << sd35_last_error();
    EXPECT_EQ(sd35_options_set_json(options_, R"({"prompt": "a cat", "width": 64, "height": 48, "seed": 3,
        "num_inference_steps": 3, "max_sequence_length": 16})"),
              SD35_OK)
        << sd35_last_error();
  }
  ~CApiTest() override {
    sd35_pipeline_free(pipeline_);
    sd35_options_free(options_);
    sd35_options_free(load_);
  }

  sd35_options *load_ = sd35_options_new(), *options_ = sd35_options_new();
  sd35_pipeline* pipeline_ = nullptr;
};

TEST_F(CApiTest, DrawsWhatTheCppApiDraws) {
  sd35_options_set_int(options_, "count", 2);
  sd35_result* result = nullptr;
  ASSERT_EQ(sd35_generate(pipeline_, options_, nullptr, &result), SD35_OK) << sd35_last_error();
  ASSERT_EQ(sd35_result_count(result), 2);
  EXPECT_EQ(sd35_result_seed(result, 1), 4u);
  int width = 0, height = 0;
  const std::uint8_t* pixels = sd35_result_pixels(result, 1, &width, &height);
  EXPECT_EQ(width, 64);
  EXPECT_EQ(height, 48);

  sd35::LoadOptions load;
  load.dtype = "f32";
  sd35::GenerateOptions options;
  options.prompt = "a cat";
  options.width = 64;
  options.height = 48;
  options.seed = 4;
  options.num_inference_steps = 3;
  options.max_sequence_length = 16;
  const sd35::Picture same =
      sd35::Pipeline::from_pretrained(sd35::tiny_model().string(), load).generate(options).at(0);
  EXPECT_EQ(std::memcmp(pixels, same.rgb.data(), same.rgb.size()), 0);

  EXPECT_EQ(sd35_result_pixels(result, 2, &width, &height), nullptr);
  EXPECT_EQ(width, 0);
  sd35_buffer* file = nullptr;
  ASSERT_EQ(sd35_result_encode(result, 0, "jpg", 80, &file), SD35_OK);
  EXPECT_EQ(text_of(file).substr(0, 2), "\xff\xd8");
  EXPECT_EQ(sd35_result_encode(result, 0, "gif", 0, &file), SD35_ARGUMENT);
  EXPECT_EQ(file, nullptr);
  const sd35::TemporaryFolder folder;
  const std::string path = (folder / "cat.png").string();
  ASSERT_EQ(sd35_result_save(result, 0, path.c_str()), SD35_OK) << sd35_last_error();
  sd35_buffer* recipe = nullptr;
  ASSERT_EQ(sd35_read_recipe(path.c_str(), &recipe), SD35_OK) << sd35_last_error();
  EXPECT_EQ(nlohmann::json::parse(text_of(recipe)).at("generate").at("prompt"), "a cat");
  sd35_result_free(result);
}

TEST_F(CApiTest, OptionsAreCheckedByName) {
  EXPECT_EQ(sd35_options_set_int(options_, "widht", 64), SD35_ARGUMENT);
  EXPECT_STREQ(sd35_last_error(), "there is no option 'widht'; did you mean width?");
  EXPECT_STREQ(sd35_last_error_option(), "widht");
  EXPECT_EQ(sd35_options_set_int(options_, "num_inference_steps", 0), SD35_ARGUMENT);
  EXPECT_EQ(sd35_options_set_string(options_, "width", "64"), SD35_ARGUMENT);
  EXPECT_EQ(sd35_options_set_double(options_, "guidance_scale", 3.5), SD35_OK);
  EXPECT_EQ(sd35_options_set_double(options_, "skip_layer_guidance.scale", 2), SD35_OK);
  EXPECT_EQ(sd35_options_set_bool(options_, "cfg_zero", 1), SD35_OK);
  EXPECT_EQ(sd35_options_set_json(options_, R"({"seed": 18446744073709551615, "width": "x"})"),
            SD35_ARGUMENT);
  EXPECT_EQ(sd35_options_set_json(options_, "[1]"), SD35_FILE);
  EXPECT_EQ(sd35_options_unset(options_, "cfg_zero"), SD35_OK);
  sd35_buffer* json = nullptr;
  ASSERT_EQ(sd35_options_to_json(options_, &json), SD35_OK);
  const nlohmann::json set = nlohmann::json::parse(text_of(json));
  EXPECT_EQ(set.at("seed"), 3);
  EXPECT_EQ(set.at("guidance_scale"), 3.5);
  EXPECT_EQ(set.at("skip_layer_guidance").at("scale"), 2);
  EXPECT_FALSE(set.contains("cfg_zero"));
}

TEST_F(CApiTest, OptionsOfTheOtherCallAreRefused) {
  sd35_result* result = nullptr;
  sd35_options_set_string(options_, "dtype", "f32");
  EXPECT_EQ(sd35_generate(pipeline_, options_, nullptr, &result), SD35_ARGUMENT);
  EXPECT_STREQ(sd35_last_error(), "dtype is an option of sd35_pipeline_open");
  sd35_options_set_string(load_, "prompt", "a cat");
  sd35_pipeline* other = nullptr;
  EXPECT_EQ(sd35_pipeline_open(sd35::tiny_model().c_str(), load_, &other), SD35_ARGUMENT);
  EXPECT_EQ(other, nullptr);
}

TEST_F(CApiTest, PicturesGoIn) {
  const std::vector<std::uint8_t> rgb(64 * 48 * 3 + 48 * 5, 200), white(64 * 48, 255);
  ASSERT_EQ(sd35_options_set_image(options_, "init.picture", rgb.data(), 64, 48, 64 * 3 + 5), SD35_OK);
  ASSERT_EQ(sd35_options_set_mask(options_, "inpaint.mask", white.data(), 64, 48, 0), SD35_OK);
  sd35_result* result = nullptr;
  ASSERT_EQ(sd35_generate(pipeline_, options_, nullptr, &result), SD35_OK) << sd35_last_error();
  sd35_result_free(result);
  EXPECT_EQ(sd35_options_set_image(options_, "prompt", rgb.data(), 64, 48, 0), SD35_ARGUMENT);
  EXPECT_EQ(sd35_options_set_image(options_, "edit", rgb.data(), 0, 48, 0), SD35_ARGUMENT);
  EXPECT_EQ(sd35_options_set_image(options_, "edit", rgb.data(), 64, 48, 3), SD35_ARGUMENT);
  EXPECT_EQ(sd35_options_set_image(options_, "edit", nullptr, 64, 48, 0), SD35_ARGUMENT);
}

struct Seen {
  int previews = 0, steps = 0, warnings = 0;
  sd35_pipeline* cancels = nullptr;
};

TEST_F(CApiTest, CallbacksAreCalled) {
  Seen seen;
  sd35_callbacks callbacks{};
  callbacks.size = sizeof callbacks;
  callbacks.user_data = &seen;
  callbacks.on_preview = [](void* data, const std::uint8_t*, int width, int, int) {
    EXPECT_EQ(width, 8);
    ++static_cast<Seen*>(data)->previews;
  };
  callbacks.on_step = [](void* data, float* latents, const std::int64_t shape[4], int, int, double) {
    EXPECT_EQ(shape[1], 16);
    latents[0] += 1;
    ++static_cast<Seen*>(data)->steps;
    return 1;
  };
  callbacks.on_warning = [](void* data, const char*) { ++static_cast<Seen*>(data)->warnings; };
  sd35_result* result = nullptr;
  ASSERT_EQ(sd35_generate(pipeline_, options_, &callbacks, &result), SD35_OK) << sd35_last_error();
  sd35_result_free(result);
  EXPECT_EQ(seen.previews, 3);
  EXPECT_EQ(seen.steps, 3);
  EXPECT_GT(seen.warnings, 0);  // of the small size

  // A program that was compiled when there was less.
  callbacks.size = offsetof(sd35_callbacks, on_step);
  ASSERT_EQ(sd35_generate(pipeline_, options_, &callbacks, &result), SD35_OK);
  sd35_result_free(result);
  EXPECT_EQ(seen.steps, 3);
  callbacks.size = 0;
  EXPECT_EQ(sd35_generate(pipeline_, options_, &callbacks, &result), SD35_ARGUMENT);
}

TEST_F(CApiTest, CancelEndsWhatRunsAndNothingLater) {
  Seen seen;
  seen.cancels = pipeline_;
  sd35_callbacks callbacks{};
  callbacks.size = sizeof callbacks;
  callbacks.user_data = &seen;
  callbacks.on_step = [](void* data, float*, const std::int64_t*, int, int, double) {
    sd35_cancel(static_cast<Seen*>(data)->cancels);
    return 1;
  };
  sd35_result* result = nullptr;
  EXPECT_EQ(sd35_generate(pipeline_, options_, &callbacks, &result), SD35_CANCELLED);
  EXPECT_EQ(result, nullptr);
  sd35_cancel(pipeline_);
  EXPECT_EQ(sd35_generate(pipeline_, options_, nullptr, &result), SD35_OK) << sd35_last_error();
  sd35_result_free(result);
}

TEST_F(CApiTest, ThreadsHaveErrorsOfTheirOwn) {
  EXPECT_EQ(sd35_options_set_int(options_, "widht", 1), SD35_ARGUMENT);
  std::thread([] { EXPECT_STREQ(sd35_last_error(), ""); }).join();
  EXPECT_STREQ(sd35_last_error_option(), "widht");
}

TEST_F(CApiTest, NullIsRefusedOrTaken) {
  sd35_buffer* text = nullptr;
  sd35_result* result = nullptr;
  EXPECT_EQ(sd35_generate(nullptr, options_, nullptr, &result), SD35_ARGUMENT);
  EXPECT_EQ(sd35_generate(pipeline_, options_, nullptr, nullptr), SD35_ARGUMENT);
  sd35_pipeline* other = nullptr;
  EXPECT_EQ(sd35_pipeline_open(nullptr, nullptr, &other), SD35_ARGUMENT);
  EXPECT_EQ(sd35_options_set_string(options_, "prompt", nullptr), SD35_ARGUMENT);
  EXPECT_EQ(sd35_options_to_json(nullptr, &text), SD35_ARGUMENT);
  EXPECT_EQ(sd35_options_copy(nullptr), nullptr);
  EXPECT_EQ(sd35_result_count(nullptr), 0);
  sd35_options_free(nullptr);
  sd35_result_free(nullptr);
  sd35_buffer_free(nullptr);
  sd35_cancel(nullptr);
}

TEST_F(CApiTest, ModelsAsFiles) {
  const sd35::TemporaryFolder folder;
  const std::string random = (folder / "random").string(), single = (folder / "one.safetensors").string();
  ASSERT_EQ(sd35_make_random_model(random.c_str(), R"({"dtype": "f32", "seed": 7})", nullptr), SD35_OK)
      << sd35_last_error();
  ASSERT_EQ(sd35_convert(random.c_str(), single.c_str(), R"({"type": "bf16"})", nullptr), SD35_OK)
      << sd35_last_error();
  EXPECT_EQ(sd35_convert(random.c_str(), single.c_str(), R"({"tipe": "bf16"})", nullptr), SD35_ARGUMENT);
  sd35_buffer* json = nullptr;
  ASSERT_EQ(sd35_inspect(single.c_str(), 0, &json), SD35_OK) << sd35_last_error();
  EXPECT_TRUE(nlohmann::json::parse(text_of(json)).is_object());
  EXPECT_EQ(sd35_inspect("nowhere", 0, &json), SD35_FILE);
  EXPECT_STREQ(sd35_last_error_file(), "nowhere");
  ASSERT_EQ(sd35_options_describe(&json), SD35_OK);
  EXPECT_GT(nlohmann::json::parse(text_of(json)).size(), 60u);
}

}  // namespace
