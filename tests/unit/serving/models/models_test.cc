#include "serving/models/models.h"

#include <gtest/gtest.h>

#include <fstream>

#include "core/error.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_model.h"

namespace sd35::serving {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

void ignore(const std::string& /*warning*/) {}

ModelsConfig two() {
  ModelsConfig config;
  config.models = {{"a", tiny_model().string()}, {"b", tiny_model().string()}};
  config.load.keep = "all";
  return config;
}

TEST(Models, NamesComeFromTheirPlaceOrThePerson) {
  EXPECT_EQ(named_model_from_text("x=models/default").name, "x");
  EXPECT_EQ(named_model_from_text("x=models/default").path, "models/default");
  EXPECT_EQ(named_model_from_text("models/default/").name, "default");
  EXPECT_EQ(named_model_from_text("stabilityai/stable-diffusion-3.5-medium").name,
            "stable-diffusion-3.5-medium");
  EXPECT_EQ(named_model_from_text("/a/SD3.5 Medium.safetensors").name, "sd3.5-medium");
  for (const char* wrong : {"X=a", "=a", "x=", "../x=a", "a/b=c", ".x=a", ""})
    EXPECT_THROW(named_model_from_text(wrong), ArgumentError) << wrong;
}

TEST(Models, FindsThoseOfAFolder) {
  const TemporaryFolder folder;
  fs::create_directories(folder / "Two");
  std::ofstream(folder / "Two" / "model_index.json") << "{}";
  fs::create_directories(folder / "empty");
  std::ofstream(folder / "one.gguf") << "x";
  std::ofstream(folder / "notes.txt") << "x";
  const std::vector<NamedModel> models = models_in(folder.path());
  ASSERT_EQ(models.size(), 2u);
  EXPECT_EQ(models[0].name, "two");
  EXPECT_EQ(models[1].name, "one");
  EXPECT_THROW(models_in(folder / "nowhere"), FileError);
}

TEST(Models, LeavesOutOfAFolderWhatIsNone) {
  const TemporaryFolder folder;
  fs::copy(tiny_model(), folder / "good", fs::copy_options::recursive);
  std::ofstream(folder / "bad.gguf") << "x";
  ModelsConfig config;
  config.folder = folder.path();
  std::string warnings;
  const Models models(config, [&](const std::string& warning) { warnings += warning; });
  EXPECT_EQ(models.names(), std::vector<std::string>{"good"});
  EXPECT_NE(warnings.find("bad.gguf"), warnings.npos);
  config.models = {{"bad", (folder / "bad.gguf").string()}};
  EXPECT_THROW(Models(config, ignore), FileError);
  EXPECT_THROW(Models(ModelsConfig(), ignore), ArgumentError);
}

TEST(Models, HaveDefaultsOfTheirOwn) {
  const Models models(two(), ignore);
  EXPECT_EQ(models.default_name(), "a");
  EXPECT_TRUE(models.defaults("b").width.has_value());
  EXPECT_TRUE(models.has("b"));
  EXPECT_FALSE(models.has("c"));
}

TEST(Models, NoMoreThanSoManyAreLoaded) {
  ModelsConfig config = two();
  Models models(config, ignore);
  EXPECT_EQ(models.loaded(), 0);
  const std::weak_ptr<const Pipeline> a = models.pipeline_to_draw("a");
  EXPECT_EQ(models.pipeline("a"), a.lock());
  EXPECT_EQ(models.loaded(), 1);
  models.pipeline_to_draw("b", Models::Clock::now() + seconds(1));
  EXPECT_EQ(models.loaded(), 1);
  EXPECT_TRUE(a.expired());
  EXPECT_NE(models.pipeline("a"), nullptr);
  config.max_loaded = 2;
  Models both(config, ignore);
  both.pipeline_to_draw("a");
  both.pipeline_to_draw("b");
  EXPECT_EQ(both.loaded(), 2);
  both.release_all();
  EXPECT_EQ(both.loaded(), 0);
}

TEST(Models, IdleOnesAreReleased) {
  ModelsConfig config = two();
  config.max_loaded = 2;
  Models models(config, ignore);
  const Models::Clock::time_point begin{};
  models.pipeline_to_draw("a", begin);
  models.pipeline_to_draw("b", begin + seconds(300));
  models.release_idle(begin + seconds(599));
  EXPECT_EQ(models.loaded(), 2);
  models.release_idle(begin + seconds(600));
  EXPECT_EQ(models.loaded(), 1);
  models.release_idle(begin + seconds(900));
  EXPECT_EQ(models.loaded(), 0);
}

TEST(Models, LorasAreLookedUpAmongThoseThatAreThere) {
  const TemporaryFolder folder;
  std::ofstream(folder / "ink.safetensors") << "x";
  fs::create_directories(folder / "peft");
  std::ofstream(folder / "peft" / "adapter_config.json") << "{}";
  ModelsConfig config = two();
  config.loras = folder.path();
  Models models(config, ignore);
  EXPECT_EQ(models.loras(), (std::vector<std::string>{"ink", "peft"}));
  EXPECT_EQ(models.lora("ink"), folder / "ink.safetensors");
  EXPECT_FALSE(models.lora("../ink"));
  EXPECT_FALSE(models.lora("ink.safetensors"));
  std::ofstream(folder / "oil.safetensors") << "x";
  EXPECT_FALSE(models.lora("oil"));
  models.refresh_loras();
  EXPECT_TRUE(models.lora("oil"));
  EXPECT_EQ(models.without_paths("cannot read '" + (folder / "oil.safetensors").string() + "'"),
            "cannot read 'oil'");
}

}  // namespace
}  // namespace sd35::serving
