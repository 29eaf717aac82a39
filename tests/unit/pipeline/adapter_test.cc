// LoRAs of a request: beside the weights of a model that stays in memory.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "core/error.h"
#include "ops/ops.h"
#include "pipeline/adapters.h"
#include "sd35/sd35.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/pipeline/bf16_model.h"
#include "weights/files/safetensors.h"

namespace sd35 {
namespace {

namespace fs = std::filesystem;

LoadOptions kept(const std::string& quantize = "") {
  LoadOptions load;
  load.dtype = "f32";
  load.quantize = quantize;
  load.keep = "all";
  return load;
}

GenerateOptions lora_request(double weight = 0) {
  GenerateOptions options;
  options.prompt = "a red square";
  options.width = options.height = 48;
  options.num_inference_steps = 3;
  options.max_sequence_length = 16;
  if (weight != 0) options.loras = {{kTinyLora, weight}};
  return options;
}

int largest_difference(const Picture& a, const Picture& b) {
  int most = 0;
  for (std::size_t i = 0; i < a.rgb.size(); ++i) most = std::max(most, std::abs(a.rgb[i] - b.rgb[i]));
  return most;
}

TEST(AdapterTest, OfARequestIsThatOfTheModel) {
  LoadOptions merged = kept();
  merged.loras = {{kTinyLora, 0.8}};
  const Picture expected =
      Pipeline::from_pretrained(bf16_model().string(), merged).generate(lora_request()).at(0);
  const Pipeline pipeline = Pipeline::from_pretrained(bf16_model().string(), kept());
  const Picture adapted = pipeline.generate(lora_request(0.8)).at(0);
  EXPECT_LE(largest_difference(adapted, expected), 1);
  EXPECT_GT(largest_difference(adapted, pipeline.generate(lora_request()).at(0)), 4);
}

TEST(AdapterTest, ComesAndGoesWithoutLoadingAnything) {
  for (const char* quantize : {"", "int8", "nf4"}) {
    const Pipeline pipeline = Pipeline::from_pretrained(bf16_model().string(), kept(quantize));
    const Picture without = pipeline.generate(lora_request()).at(0);
    std::string loaded;
    Callbacks callbacks;
    callbacks.on_progress = [&](const Progress& progress) {
      loaded += progress.part;
      return true;
    };
    const Picture with = pipeline.generate(lora_request(1), callbacks).at(0);
    const Picture other = pipeline.generate(lora_request(-2), callbacks).at(0);
    EXPECT_EQ(loaded, "") << quantize;
    EXPECT_GT(largest_difference(with, without), 4) << quantize;
    EXPECT_GT(largest_difference(with, other), 4) << quantize;
    EXPECT_TRUE(pipeline.generate(lora_request(1)).at(0).rgb == with.rgb) << quantize;
    EXPECT_TRUE(pipeline.generate(lora_request()).at(0).rgb == without.rgb) << quantize;
  }
}

Picture draw(const LoadOptions& load, const GenerateOptions& options, const Callbacks& callbacks = {}) {
  return Pipeline::from_pretrained(bf16_model().string(), load).generate(options, callbacks).at(0);
}

// Within the largest limit that has the denoiser's blocks read for each step.
Picture draw_streamed(LoadOptions load, const GenerateOptions& options) {
  std::vector<MemoryStage> plan;
  Callbacks callbacks;
  callbacks.on_memory_plan = [&](const std::vector<MemoryStage>& stages) { plan = stages; };
  load.max_memory = 4'000'000'000;
  draw(load, options, callbacks);
  load.max_memory = plan.at(1).bytes;
  Picture picture;
  while (plan.at(1).mode.find("streamed") == std::string::npos) {
    load.max_memory = load.max_memory * 999 / 1000;
    picture = draw(load, options, callbacks);
  }
  return picture;
}

TEST(AdapterTest, StreamedBlocksHaveItToo) {
  for (const char* dtype : {"f32", "bf16"}) {
    LoadOptions load;
    load.dtype = dtype;
    const Picture resident = draw(load, lora_request(1));
    EXPECT_TRUE(draw_streamed(load, lora_request(1)).rgb == resident.rgb) << dtype;
    EXPECT_GT(largest_difference(resident, draw(load, lora_request())), 4) << dtype;
  }
}

TEST(AdapterTest, PackedWeightsHaveItToo) {
  const TemporaryFolder folder;
  for (const char* quantize : {"", "int8", "nf4"}) {
    LoadOptions load;
    load.dtype = "f32";
    load.quantize = quantize;
    const Picture expected = draw(load, lora_request(1)), without = draw(load, lora_request());
    load.packed = folder / "packed";
    EXPECT_TRUE(draw(load, lora_request(1)).rgb == expected.rgb) << quantize << ", packed on the way";
    EXPECT_TRUE(draw(load, lora_request(1)).rgb == expected.rgb) << quantize << ", found packed";
    EXPECT_TRUE(draw(load, lora_request()).rgb == without.rgb)
        << quantize << ": what is packed is the model alone";
  }
  LoadOptions load;
  load.dtype = "f32";
  const Picture expected = draw(load, lora_request(1));
  load.packed = folder / "packed";
  EXPECT_TRUE(draw_streamed(load, lora_request(1)).rgb == expected.rgb);
}

TEST(AdapterTest, PicturesDrawnTogetherAreThoseDrawnAlone) {
  constexpr int kPictures = 5;
  for (const char* dtype : {"f32", "bf16"})
    for (const char* quantize : {"", "int8", "nf4"}) {
      LoadOptions load = kept(quantize);
      load.dtype = dtype;
      const Pipeline pipeline = Pipeline::from_pretrained(bf16_model().string(), load);
      GenerateOptions options = lora_request(1);
      options.count = kPictures;
      int together = 0;
      Callbacks callbacks;
      callbacks.on_progress = [&](const Progress& progress) {
        if (progress.stage == Stage::denoise) together = std::max(together, progress.pictures);
        return true;
      };
      const std::vector<Picture> pictures = pipeline.generate(options, callbacks);
      EXPECT_EQ(together, make_native_ops(DType::f32)->rows_are_independent() ? kPictures : 1);
      options.count = 1;
      for (const Picture& picture : pictures) {
        EXPECT_TRUE(picture.rgb == pipeline.generate(options).at(0).rgb)
            << dtype << " " << quantize << ", seed " << options.seed;
        ++options.seed;
      }
    }
}

// A LoRA that can be read once: its header is damaged under the old time, the numbers are not.
void damage_header(const fs::path& path) {
  const auto time = fs::last_write_time(path);
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(8);
  file << "no JSON";
  file.close();
  fs::last_write_time(path, time);
}

class SwitchedAdapterTest : public testing::Test {
 protected:
  SwitchedAdapterTest() {
    fs::copy(kTinyLora, first_);
    fs::copy(fs::path(kTinyLora).parent_path() / "trained.safetensors", second_);
  }
  static GenerateOptions with(const fs::path& lora) {
    GenerateOptions options = lora_request();
    options.loras = {{lora, 1}};
    return options;
  }

  TemporaryFolder folder_;
  fs::path first_ = folder_ / "first.safetensors", second_ = folder_ / "second.safetensors";
};

TEST_F(SwitchedAdapterTest, IsReadOnce) {
  const Pipeline pipeline = Pipeline::from_pretrained(bf16_model().string(), kept());
  const Picture first = pipeline.generate(with(first_)).at(0),
                second = pipeline.generate(with(second_)).at(0);
  EXPECT_GT(largest_difference(first, second), 4);
  damage_header(first_);
  damage_header(second_);
  pipeline.generate(lora_request());  // one without does not take them away
  EXPECT_TRUE(pipeline.generate(with(first_)).at(0).rgb == first.rgb);
  EXPECT_TRUE(pipeline.generate(with(second_)).at(0).rgb == second.rgb);
  EXPECT_TRUE(pipeline.generate(with(first_)).at(0).rgb == first.rgb);
  EXPECT_THROW(Pipeline::from_pretrained(bf16_model().string(), kept()).generate(with(first_)), FileError)
      << "another model read it too";
}

TEST_F(SwitchedAdapterTest, StaysWhereTheTransformerStays) {
  LoadOptions load = kept();
  load.keep = "nothing";
  const Pipeline pipeline = Pipeline::from_pretrained(bf16_model().string(), load);
  pipeline.generate(with(first_));
  damage_header(first_);
  EXPECT_THROW(pipeline.generate(with(first_)), FileError);
}

TEST_F(SwitchedAdapterTest, StaysAsFarAsTheLimitHasRoom) {
  LoadOptions load = kept();
  load.max_memory = 4'000'000'000;
  std::uint64_t peak = 0;  // with the second, which is the larger
  Callbacks callbacks;
  callbacks.on_memory_plan = [&](const std::vector<MemoryStage>& stages) {
    peak = std::ranges::max(stages, {}, &MemoryStage::bytes).bytes;
  };
  draw(load, with(second_), callbacks);
  constexpr std::uint64_t kRoomForPrompts = 64'000'000;  // encoded ones stay first
  const std::uint64_t size = fs::file_size(first_);
  for (const std::uint64_t room : {size, size - 1}) {
    load.max_memory = peak + kRoomForPrompts + room;
    const Pipeline pipeline = Pipeline::from_pretrained(bf16_model().string(), load);
    pipeline.generate(with(first_));
    pipeline.generate(with(second_));
    damage_header(first_);
    if (room == size)
      EXPECT_NO_THROW(pipeline.generate(with(first_)));
    else
      EXPECT_THROW(pipeline.generate(with(first_)), FileError);
    fs::copy(kTinyLora, first_, fs::copy_options::overwrite_existing);
  }
}

TEST_F(SwitchedAdapterTest, ThatChangedOnDiskIsReadAgain) {
  const Pipeline pipeline = Pipeline::from_pretrained(bf16_model().string(), kept());
  const Picture first = pipeline.generate(with(first_)).at(0),
                second = pipeline.generate(with(second_)).at(0);
  fs::copy(second_, first_, fs::copy_options::overwrite_existing);
  EXPECT_TRUE(pipeline.generate(with(first_)).at(0).rgb == second.rgb);
  fs::remove(first_);
  EXPECT_THROW(pipeline.generate(with(first_)), FileError);
}

TEST_F(SwitchedAdapterTest, ServesThreadsAtOnce) {
  const Pipeline pipeline = Pipeline::from_pretrained(bf16_model().string(), kept());
  const std::array options{with(first_), with(second_)};
  const std::array expected{pipeline.generate(options[0]).at(0).rgb, pipeline.generate(options[1]).at(0).rgb};
  fs::last_write_time(first_, fs::last_write_time(first_) + std::chrono::seconds(1));
  std::array<std::thread, 2> threads;
  std::atomic<int> different = 0;
  for (std::size_t t = 0; t < threads.size(); ++t)
    threads[t] = std::thread([&, t] {
      for (std::size_t i = 0; i < 4; ++i)
        if (pipeline.generate(options[(t + i) % 2]).at(0).rgb != expected[(t + i) % 2]) ++different;
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(different, 0);
}

// What files of LoRAs keep, by where the numbers of an update lie.
class LoraFilesTest : public testing::Test {
 protected:
  static constexpr const char* kLayer = "context_embedder";

  LoraFilesTest() {
    for (const char* name : {"a.safetensors", "b.safetensors", "adapter_model.safetensors"})
      write(name, 0.5f);
  }
  // A LoRA of rank 2.
  void write(const std::string& name, float value, const std::map<std::string, Tensor>& more = {}) {
    std::map<std::string, Tensor> tensors = more;
    for (const auto& [key, shape] :
         {std::pair(".lora_A.weight", Shape{2, 64}), {".lora_B.weight", {64, 2}}}) {
      Tensor tensor(shape, DType::f32);
      std::fill_n(tensor.data<float>(), tensor.numel(), value);
      tensors[std::string(kLayer) + key] = tensor;
    }
    write_safetensors(folder_ / name, tensors, {});
  }
  LoraUpdate read(const std::string& name, double weight = 1) {
    warnings_ = 0;
    const std::vector<LoraOptions> loras{{folder_ / name, weight}};
    const LoraTargets targets{{Component::transformer, {{std::string(kLayer) + ".weight", {64, 64}}}}};
    return files_.read(loras, targets, [this](const std::string&) { ++warnings_; })
        .at(Component::transformer)
        .at(0);
  }
  std::uint64_t size() const { return fs::file_size(folder_ / "a.safetensors"); }

  TemporaryFolder folder_;
  LoraFiles files_;
  int warnings_ = 0;
};

TEST_F(LoraFilesTest, AreReadOnce) {
  const void* const a = read("a.safetensors").up.raw();
  read("b.safetensors");
  const LoraUpdate again = read("a.safetensors", -3);
  EXPECT_EQ(again.up.raw(), a);
  EXPECT_EQ(again.scale, -3);
}

TEST_F(LoraFilesTest, ThatChangeAreReadAgain) {
  EXPECT_EQ(read("a.safetensors").up.floats()[0], 0.5f);
  write("a.safetensors", 2);
  EXPECT_EQ(read("a.safetensors").up.floats()[0], 2);
  EXPECT_EQ(read("adapter_model.safetensors").scale, 1);
  std::ofstream(folder_ / "adapter_config.json") << R"({"r": 2, "lora_alpha": 8})";
  EXPECT_EQ(read("adapter_model.safetensors").scale, 4) << "alpha lies in a file of its own";
}

TEST_F(LoraFilesTest, WarnEachTime) {
  write("a.safetensors", 1, {{"nothing.lora_A.weight", Tensor::zeros({2, 64})}});
  for (int i = 0; i < 2; ++i) {
    read("a.safetensors");
    EXPECT_EQ(warnings_, 1);
  }
}

// Addresses of freed objects may be reused, so what is kept shows by what is not: that is read again, from a
// header that cannot be read.
TEST_F(LoraFilesTest, ForgetTheOldestBeyondALimit) {
  const auto is_kept = [&](const char* name) {
    try {
      read(name);
      return true;
    } catch (const FileError&) {
      return false;
    }
  };
  write("c.safetensors", 0.5f);
  for (const char* name : {"a.safetensors", "b.safetensors", "c.safetensors"}) {
    read(name);
    damage_header(folder_ / name);
  }
  const std::vector<LoraOptions> in_use{{folder_ / "c.safetensors", 1}};
  files_.forget_others(in_use, size());
  EXPECT_FALSE(is_kept("a.safetensors"));
  EXPECT_TRUE(is_kept("b.safetensors"));
  files_.forget_others(in_use, size() - 1);
  EXPECT_FALSE(is_kept("b.safetensors"));
  EXPECT_TRUE(is_kept("c.safetensors"));
  files_.forget_all();
  EXPECT_FALSE(is_kept("c.safetensors"));
}

TEST(AdapterTest, IsInTheRecipe) {
  const Picture picture =
      Pipeline::from_pretrained(bf16_model().string(), kept()).generate(lora_request(0.5)).at(0);
  EXPECT_NE(picture.metadata.at(1).second.find(R"("loras":[{"path":"peft.safetensors")"), std::string::npos);
}

TEST(AdapterTest, ThatIsMissingIsAnErrorBeforeAnythingIsEncoded) {
  GenerateOptions options = lora_request();
  options.loras = {{"none.safetensors", 1}};
  Callbacks callbacks;
  callbacks.on_progress = [](const Progress&) -> bool { throw Error("too late"); };
  try {
    Pipeline::from_pretrained(bf16_model().string(), kept()).generate(options, callbacks);
    ADD_FAILURE() << "drawn";
  } catch (const FileError& error) {
    EXPECT_EQ(error.option(), "loras");
  }
}

}  // namespace
}  // namespace sd35
