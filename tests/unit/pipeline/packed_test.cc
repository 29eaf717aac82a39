// Weights kept in the engine's form: the same pictures, from exactly the model and machine they were packed
// for.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>

#include "core/error.h"
#include "sd35/sd35.h"
#include "tests/support/temporary_folder.h"

namespace sd35 {
namespace {

namespace fs = std::filesystem;

class PackedTest : public testing::Test {
 protected:
  PackedTest() {
    make_random_model({}, folder_ / "tiny");
    load_.dtype = "f32";
    options_.prompt = "a red square";
    options_.width = options_.height = 64;
    options_.num_inference_steps = 2;
    options_.max_sequence_length = 16;
  }

  Picture draw() {
    warnings_.clear();
    Callbacks callbacks;
    callbacks.on_warning = [&](const std::string& warning) { warnings_.push_back(warning); };
    return Pipeline::from_pretrained((folder_ / "tiny").string(), load_).generate(options_, callbacks).at(0);
  }
  // Warnings about packed weights.
  int warned(const std::string& text) const {
    return static_cast<int>(std::ranges::count_if(
        warnings_, [&](const std::string& warning) { return warning.find(text) != warning.npos; }));
  }
  fs::path weights() const { return folder_ / "tiny/transformer/diffusion_pytorch_model.safetensors"; }
  fs::path packed(const std::string& name) const { return folder_ / "packed" / name; }

  TemporaryFolder folder_;
  LoadOptions load_;
  GenerateOptions options_;
  std::vector<std::string> warnings_;
};

TEST_F(PackedTest, ChangeNoPictureAndNoRecipe) {
  for (const char* quantize : {"", "int8", "nf4", "nf4-dq"}) {
    load_.quantize = quantize;
    load_.packed = "";
    const Picture plain = draw();
    load_.packed = folder_ / "packed";
    const Picture first = draw(), second = draw();
    EXPECT_EQ(warned("packed"), 0) << warnings_[0];
    EXPECT_EQ(plain.rgb, first.rgb) << quantize;
    EXPECT_EQ(plain.rgb, second.rgb) << quantize;
    EXPECT_EQ(plain.metadata, second.metadata);
  }
  for (const char* name : {"transformer-f32.safetensors", "transformer-f32-int8.safetensors",
                           "transformer-f32-nf4.safetensors", "transformer-f32-nf4-dq.safetensors"})
    EXPECT_TRUE(fs::exists(packed(name))) << name;
}

TEST_F(PackedTest, TheWeightsTheyCameFromAreNotRead) {
  load_.packed = folder_ / "packed";
  load_.quantize = "int8";
  options_.guidance_scale = 1;
  const Picture first = draw();
  // Scales, which int8 weights are multiplied with, are read from the packed file: another one shows at once.
  const auto time = fs::last_write_time(packed("transformer-f32-int8.safetensors"));
  const Picture second = draw();
  EXPECT_EQ(first.rgb, second.rgb);
  EXPECT_EQ(fs::last_write_time(packed("transformer-f32-int8.safetensors")), time) << "written once";
  std::fstream file(packed("transformer-f32-int8.safetensors"),
                    std::ios::in | std::ios::out | std::ios::binary);
  const auto size = static_cast<std::streamoff>(fs::file_size(packed("transformer-f32-int8.safetensors")));
  file.seekp(size / 2);
  file << std::string(static_cast<std::size_t>(size / 4), '\x31');
  file.close();
  EXPECT_NE(draw().rgb, first.rgb);
}

TEST_F(PackedTest, OtherWeightsArePackedAnew) {
  load_.packed = folder_ / "packed";
  const Picture first = draw();
  const auto time = fs::last_write_time(weights());
  fs::last_write_time(weights(), time + std::chrono::seconds(1));
  EXPECT_EQ(draw().rgb, first.rgb);
  EXPECT_EQ(warned("packed again"), 1);
  draw();
  EXPECT_EQ(warned("packed again"), 0);
}

TEST_F(PackedTest, DamagedOnesArePackedAnew) {
  load_.packed = folder_ / "packed";
  const Picture first = draw();
  fs::resize_file(packed("transformer-f32.safetensors"),
                  fs::file_size(packed("transformer-f32.safetensors")) - 64);
  EXPECT_EQ(draw().rgb, first.rgb);
  EXPECT_EQ(warned("packed again"), 1);
  // A file of weights that are not packed.
  fs::copy_file(weights(), packed("transformer-f32.safetensors"), fs::copy_options::overwrite_existing);
  EXPECT_EQ(draw().rgb, first.rgb);
  EXPECT_EQ(warned("no packed weights; packed again"), 1);
}

TEST_F(PackedTest, PackFillsTheFolderForGenerate) {
  load_.packed = folder_ / "packed";
  load_.quantize = "int8";
  pack((folder_ / "tiny").string(), load_);
  const auto time = fs::last_write_time(packed("transformer-f32-int8.safetensors"));
  draw();
  EXPECT_EQ(fs::last_write_time(packed("transformer-f32-int8.safetensors")), time);
  load_.packed = "";
  EXPECT_THROW(pack((folder_ / "tiny").string(), load_), ArgumentError);
}

TEST_F(PackedTest, AFolderThatCannotBeWrittenIsToldBeforeTheWork) {
  load_.packed = folder_ / "packed";
  fs::create_directory(load_.packed);
  fs::permissions(load_.packed, fs::perms(0555));
  fs::permissions(folder_.path(), fs::perms(0755));
  const uid_t user = geteuid();
  ASSERT_EQ(seteuid(user == 0 ? 65534 : user), 0);  // permissions do not bind root
  std::vector<std::string> told;                    // before the first stage
  Callbacks callbacks;
  callbacks.on_warning = [&](const std::string& warning) { told.push_back(warning); };
  callbacks.on_progress = [](const Progress&) { return false; };
  const std::string model = (folder_ / "tiny").string();
  EXPECT_THROW(Pipeline::from_pretrained(model, load_).generate(options_, callbacks), Cancelled);
  EXPECT_THROW(pack(model, load_, callbacks), FileError);
  draw();
  ASSERT_EQ(seteuid(user), 0);
  EXPECT_EQ(std::ranges::count_if(told, [](const auto& line) { return line.find("not kept") != line.npos; }),
            1);
  EXPECT_EQ(warned("not kept"), 1) << "once, and the picture is drawn";
}

TEST_F(PackedTest, AFolderMadeForNothingVanishes) {
  load_.packed = folder_ / "new/packed";
  Callbacks callbacks;
  callbacks.on_progress = [](const Progress&) { return false; };
  EXPECT_THROW(pack((folder_ / "tiny").string(), load_, callbacks), Cancelled);
  EXPECT_FALSE(fs::exists(folder_ / "new"));
}

TEST_F(PackedTest, EnginesThatPackNothingSaySo) {
  load_.engine = "ref";
  load_.packed = folder_ / "packed";
  options_.num_inference_steps = 1;
  draw();
  EXPECT_EQ(warned("packs no weights"), 1);
  EXPECT_FALSE(fs::exists(folder_ / "packed"));
}

}  // namespace
}  // namespace sd35
