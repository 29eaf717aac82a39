// Prompts that are kept on disk: found again if everything is as it was, and only then.
#include "pipeline/prompt_cache.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <fstream>
#include <functional>
#include <map>

#include "core/error.h"
#include "core/tensor_cache.h"
#include "core/tensor_cache_segment.h"
#include "sd35/sd35.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/pipeline/bf16_model.h"
#include "weights/files/safetensors.h"

namespace sd35 {
namespace {

namespace fs = std::filesystem;

class PromptCacheTest : public testing::Test {
 protected:
  PromptCacheTest() {
    make_random_model({}, folder_ / "tiny");
    load_.dtype = "f32";
    load_.prompt_cache = folder_ / "cache";
    options_.prompt = "a red square";
    options_.width = options_.height = 32;
    options_.num_inference_steps = 1;
    options_.max_sequence_length = 16;
  }

  // Draws, and sets `encoded_` to whether the encoders ran: they report every layer.
  Picture draw() {
    int reports = 0;
    warnings_.clear();
    Callbacks callbacks;
    callbacks.on_progress = [&](const Progress& progress) {
      const bool between = progress.fraction > 0 && progress.fraction < 1;
      reports += progress.stage == Stage::encode_prompt && between ? 1 : 0;
      return true;
    };
    callbacks.on_warning = [&](const std::string& warning) { warnings_.push_back(warning); };
    Picture picture =
        Pipeline::from_pretrained((folder_ / "tiny").string(), load_).generate(options_, callbacks).at(0);
    encoded_ = reports > 0;
    return picture;
  }

  bool warned(const std::string& text) const {
    return std::ranges::any_of(
        warnings_, [&](const std::string& warning) { return warning.find(text) != warning.npos; });
  }

  // Flips a bit in the middle of every file below the cache: in a tensor.
  void damage() const {
    for (const auto& entry : fs::recursive_directory_iterator(folder_ / "cache")) {
      if (!entry.is_regular_file()) continue;
      std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
      file.seekg(static_cast<std::streamoff>(entry.file_size() / 2));
      const char byte = static_cast<char>(file.peek() ^ 1);
      file.seekp(static_cast<std::streamoff>(entry.file_size() / 2));
      file.put(byte);
    }
  }

  // Puts another tensor, with valid checksums, in place of the one whose key ends with `kind`.
  void forge(const std::string& kind, const std::function<Tensor(const Tensor&)>& forged) const {
    std::map<std::string, Tensor> found;
    std::string identity;
    std::vector<fs::path> segments;
    for (const auto& entry : fs::recursive_directory_iterator(folder_ / "cache"))
      if (entry.is_regular_file()) segments.push_back(entry.path());
    std::ranges::sort(segments);  // the newest last
    for (const fs::path& segment : segments) {
      const FileReader file(segment.string());
      std::uint64_t length = 0, offset = 32;
      file.read(8, std::as_writable_bytes(std::span(&length, 1)));
      identity.resize(length);
      file.read(offset, std::as_writable_bytes(std::span(identity)));
      offset += length;
      while (const auto record = read_record(file, offset)) {
        if (record->key.ends_with(kind)) found[record->key] = read_values(file, *record).value();
        offset = record->end;
      }
    }
    ASSERT_EQ(found.size(), 1u);
    TensorCache(folder_ / "cache", identity).put(found.begin()->first, forged(found.begin()->second));
  }

  TemporaryFolder folder_;
  LoadOptions load_;
  GenerateOptions options_;
  bool encoded_ = false;
  std::vector<std::string> warnings_;
};

TEST_F(PromptCacheTest, APromptThatIsKeptNeedsNoWeights) {
  const Picture first = draw();
  EXPECT_TRUE(encoded_);
  // Weights that are not numbers, under the old size and time.
  const fs::path weights = folder_ / "tiny/text_encoder_3/model.safetensors";
  const auto time = fs::last_write_time(weights);
  {
    std::fstream file(weights, std::ios::in | std::ios::out | std::ios::binary);
    const auto size = static_cast<std::streamoff>(fs::file_size(weights));
    file.seekp(size / 4);
    file << std::string(static_cast<std::size_t>(size - size / 4), '\xff');
  }
  fs::last_write_time(weights, time);
  const Picture second = draw();
  EXPECT_FALSE(encoded_);
  EXPECT_EQ(first.rgb, second.rgb);
  EXPECT_EQ(first.metadata.at(0), second.metadata.at(0));  // the recipe has the hash of the weights

  fs::last_write_time(weights, time + std::chrono::seconds(1));
  EXPECT_THROW(draw(), Error) << "a new time is another model";
}

TEST_F(PromptCacheTest, ALoraOfTheTransformerAloneUsesWhatIsKept) {
  std::map<std::string, Tensor> of_transformer;
  for (const auto& [name, tensor] : read_safetensors(kTinyLora).tensors)
    if (name.starts_with("transformer.")) of_transformer[name] = tensor.read();
  write_safetensors(folder_ / "lora.safetensors", of_transformer);
  const Picture without = draw();
  options_.loras = {{folder_ / "lora.safetensors", 1}};
  const Picture with = draw();
  EXPECT_FALSE(encoded_);
  EXPECT_NE(with.rgb, without.rgb);
  load_.prompt_cache = "";
  EXPECT_EQ(draw().rgb, with.rgb);
}

TEST_F(PromptCacheTest, ALoraThatChangesAnEncoderNeitherFindsNorKeeps) {
  const Picture without = draw();
  options_.loras = {{kTinyLora, 1}};
  const Picture with = draw(), again = draw();
  EXPECT_TRUE(encoded_);
  EXPECT_EQ(again.rgb, with.rgb);
  options_.loras[0].weight = -1;
  EXPECT_NE(draw().rgb, with.rgb);
  options_.loras = {};
  EXPECT_EQ(draw().rgb, without.rgb);
  EXPECT_FALSE(encoded_);
  options_.loras = {{kTinyLora, 1}};
  load_.prompt_cache = "";
  EXPECT_EQ(draw().rgb, with.rgb);
}

TEST_F(PromptCacheTest, WhatAPromptDependsOnIsPartOfItsKey) {
  draw();
  const auto expect_encoded = [&](const char* what) {
    draw();
    EXPECT_TRUE(encoded_) << what;
    draw();
    EXPECT_FALSE(encoded_) << what;
  };
  options_.prompt = "a blue square";
  expect_encoded("prompt");
  options_.prompt_3 = "a blue";
  expect_encoded("prompt of T5");
  options_.negative_prompt = "blurry";
  expect_encoded("negative prompt");
  options_.max_sequence_length = 17;
  expect_encoded("length");
  options_.guidance_scale = 1;
  expect_encoded("no negative prompt");
  load_.dtype = "bf16";
  expect_encoded("dtype");
  load_.use_t5 = false;
  expect_encoded("without T5");
  std::ofstream(folder_ / "tiny/tokenizer/special_tokens_map.json", std::ios::app) << "\n";
  expect_encoded("tokenizer");
  options_.seed = 7;
  options_.num_inference_steps = 2;
  draw();
  EXPECT_FALSE(encoded_) << "what comes after the encoders does not matter";
}

TEST_F(PromptCacheTest, ADamagedEntryIsEncodedAgainWithAWarning) {
  const Picture first = draw();
  damage();
  const Picture second = draw();
  EXPECT_TRUE(encoded_);
  EXPECT_TRUE(warned("damaged"));
  EXPECT_EQ(first.rgb, second.rgb);
  draw();
  EXPECT_FALSE(encoded_);
}

Tensor of_zeros(Shape shape, DType dtype) {
  Tensor tensor(std::move(shape), dtype);
  std::memset(tensor.raw(), 0, tensor.bytes());
  return tensor;
}

TEST_F(PromptCacheTest, WhatTheEncodersWouldNotGiveIsEncodedAgainWithAWarning) {
  const Picture first = draw();
  const auto expect_encoded = [&](const std::string& kind,
                                  const std::function<Tensor(const Tensor&)>& forged) {
    forge(kind, forged);
    EXPECT_EQ(draw().rgb, first.rgb) << kind;
    EXPECT_TRUE(encoded_) << kind;
    EXPECT_TRUE(warned("left out")) << kind;
  };
  const std::vector<std::function<Shape(const Shape&)>> kOfTokens{
      [](const Shape&) {
        return Shape{0, 0, 0};
      },
      [](const Shape& s) {
        return Shape{s[0], 0, s[2]};
      },
      [](const Shape& s) {
        return Shape{1, s[1], s[2]};
      },
      [](const Shape& s) {
        return Shape{9, s[1], s[2]};
      },
      [](const Shape& s) {
        return Shape{s[0], 1, s[2]};
      },
      [](const Shape& s) {
        return Shape{s[0], 9000, s[2]};
      },
      [](const Shape& s) {
        return Shape{s[0], s[1], 7};
      },
      [](const Shape&) { return Shape{4}; },
      [](const Shape&) { return Shape{}; },
  };
  for (const auto& shape : kOfTokens)
    expect_encoded("tokens", [&](const Tensor& t) { return of_zeros(shape(t.shape()), t.dtype()); });
  for (const DType dtype : {DType::u8, DType::f16, DType::i64})
    expect_encoded("tokens", [&](const Tensor& t) { return of_zeros(t.shape(), dtype); });
  for (const auto& shape : {Shape{0, 0}, Shape{3}, Shape{1, 5}})
    expect_encoded("pooled", [&](const Tensor& t) { return of_zeros(shape, t.dtype()); });
  for (const char* kind : {"tokens", "pooled"})
    expect_encoded(kind, [](const Tensor& t) {
      Tensor damaged = t.clone();
      damaged.data<float>()[5] = std::nanf("");
      return damaged;
    });
}

TEST_F(PromptCacheTest, NotesOfAnotherKindAreEncodedAgainWithAWarning) {
  draw();
  for (const char* warnings : {"", R"(,"warnings":[1])", R"(,"warnings":"x")", R"(,"warnings":{"a":{}})",
                               R"(,"warnings":null)", R"(,"warnings":[]}})", R"(,"more":1)"}) {
    forge("notes", [&](const Tensor& notes) {
      std::string text(static_cast<const char*>(notes.raw()), static_cast<std::size_t>(notes.numel()));
      const std::size_t place = text.find(R"(,"warnings":[])");
      EXPECT_NE(place, text.npos);
      text.replace(place, text.npos, std::string(warnings) + "}");
      Tensor forged({static_cast<std::int64_t>(text.size())}, DType::u8);
      std::ranges::copy(text, static_cast<char*>(forged.raw()));
      return forged;
    });
    draw();
    EXPECT_TRUE(encoded_) << warnings;
    EXPECT_TRUE(warned("left out")) << warnings;
  }
  forge("notes", [&](const Tensor&) { return of_zeros(Shape{3}, DType::f32); });
  draw();
  EXPECT_TRUE(encoded_);
}

TEST_F(PromptCacheTest, AFolderThatCannotBeWrittenIsToldBeforeTheWork) {
  draw();
  for (const auto& entry : fs::directory_iterator(folder_ / "cache"))
    fs::permissions(entry.path(), fs::perms(0555));
  fs::permissions(folder_.path(), fs::perms(0755));
  const uid_t user = geteuid();
  ASSERT_EQ(seteuid(user == 0 ? 65534 : user), 0);  // permissions do not bind root
  draw();
  const bool found = !encoded_, told = warned("are not kept");
  options_.prompt = "another";
  draw();
  ASSERT_EQ(seteuid(user), 0);
  for (const auto& entry : fs::directory_iterator(folder_ / "cache"))
    fs::permissions(entry.path(), fs::perms(0755));
  EXPECT_TRUE(found) << "what is there can be used";
  EXPECT_TRUE(told);
  EXPECT_TRUE(encoded_);
  EXPECT_EQ(std::ranges::count_if(warnings_, [](const auto& line) { return line.find("kept") != line.npos; }),
            1);
}

TEST_F(PromptCacheTest, WarningsComeBack) {
  options_.prompt = std::string(400, 'x') + " y z w";
  for (int i = 0; i < 40; ++i) options_.prompt += " word";
  draw();
  const std::vector<std::string> first = warnings_;
  EXPECT_TRUE(warned(" is cut: "));
  draw();
  EXPECT_FALSE(encoded_);
  EXPECT_EQ(warnings_, first);
}

TEST_F(PromptCacheTest, AFolderThatCannotBeMadeIsAnError) {
  std::ofstream(folder_ / "file") << "x";
  load_.prompt_cache = folder_ / "file" / "cache";
  EXPECT_THROW(draw(), FileError);
}

}  // namespace
}  // namespace sd35
