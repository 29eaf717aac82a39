// Reports of earlier runs, which may be somebody else's.
#include "evaluation/earlier_report.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "tests/support/file_bytes.h"
#include "tests/support/temporary_folder.h"

namespace sd35 {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kSeed = 7;

Json report() {
  const auto row = [](const char* prompt, std::uint64_t seed) {
    const std::string name = "prompt-" + std::to_string(seed) + ".png";
    return Json{
        {"prompt", prompt},
        {"seed", seed},
        {"pictures",
         {{"drawn", {{"file", "pictures/drawn/" + name}}}, {"tiny", {{"file", "pictures/tiny/" + name}}}}}};
  };
  return {{"columns", {{{"label", "drawn"}, {"model", ""}}, {{"label", "tiny"}, {"model", "models/tiny"}}}},
          {"prompts", {row("a cat", kSeed), row("a dog", kSeed + 1)}}};
}

class EarlierReportTest : public testing::Test {
 protected:
  std::vector<EarlierColumn> read(const Json& report, std::uint64_t seed = kSeed) const {
    put_file(folder_ / "report.json", report.dump());
    std::vector<EvaluationPrompt> prompts(2);
    prompts[0].text = "a cat";
    prompts[1].text = "a dog";
    return read_earlier_report(folder_.path(), prompts, seed);
  }
  // `report()` with another value at a place such as "/columns".
  std::vector<EarlierColumn> with(const std::string& place, const Json& value) const {
    Json json = report();
    json[Json::json_pointer(place)] = value;
    return read(json);
  }

  TemporaryFolder folder_;
};

TEST_F(EarlierReportTest, HoldsTheColumnsOfModels) {
  const std::vector<EarlierColumn> columns = read(report());
  ASSERT_EQ(columns.size(), 1u);
  EXPECT_EQ(columns[0].label, "tiny");
  EXPECT_EQ(columns[0].model, "models/tiny");
  EXPECT_EQ(columns[0].files,
            (std::vector<std::string>{"pictures/tiny/prompt-7.png", "pictures/tiny/prompt-8.png"}));
}

TEST_F(EarlierReportTest, SaysHowPicturesWereDrawnWhereItIsWritten) {
  EXPECT_FALSE(read(report())[0].drawn_with);
  Json json = report();
  json["columns"][1].update({{"load", {{"dtype", "f32"}}}, {"generate", {{"width", 64}}}});
  const auto drawn_with = read(json)[0].drawn_with;
  ASSERT_TRUE(drawn_with);
  EXPECT_EQ(drawn_with->load.dtype, "f32");
  EXPECT_EQ(drawn_with->generate.width, 64);
}

TEST_F(EarlierReportTest, RefusesOptionsThatThereAreNot) {
  Json json = report();
  for (const auto& [load, generate] : {std::pair<Json, Json>{{{"no_such", 1}}, Json::object()},
                                       {Json::object(), {{"width", "wide"}}},
                                       {Json::object(), {{"guidance_start", 7}}},
                                       {5, Json::object()},
                                       {Json::object(), nullptr}}) {
    json["columns"][1].update({{"load", load}, {"generate", generate}});
    EXPECT_THROW(read(json), FileError) << json["columns"][1];
  }
  json["columns"][1].erase("generate");
  EXPECT_THROW(read(json), FileError);
}

TEST_F(EarlierReportTest, RefusesPicturesOutsideOfItsFolder) {
  for (const char* file : {"/etc/hostname", "../a.png", "pictures/../../a.png", "", "pictures/"}) try {
      with("/prompts/1/pictures/tiny/file", file);
      FAIL() << file;
    } catch (const FileError& error) {
      EXPECT_NE(std::string(error.what()).find("outside of the report's folder"), std::string::npos)
          << error.what();
    }
}

TEST_F(EarlierReportTest, RefusesOtherPromptsAndSeeds) {
  EXPECT_THROW(read(report(), kSeed + 1), ArgumentError);
  EXPECT_THROW(with("/prompts/1/prompt", "a cat"), ArgumentError);
  EXPECT_THROW(with("/prompts", Json::array()), ArgumentError);
  EXPECT_THROW(with("/prompts", Json{{"a", 1}, {"b", 2}}), ArgumentError);
}

TEST_F(EarlierReportTest, RefusesWhatIsNoReport) {
  EXPECT_THROW(read(Json::object()), FileError);
  EXPECT_THROW(with("/columns", 5), FileError);
  EXPECT_THROW(with("/columns/1/model", 5), FileError);
  EXPECT_THROW(with("/prompts/0", 5), FileError);
  EXPECT_THROW(with("/prompts/0/pictures", Json::array()), FileError);
}

}  // namespace
}  // namespace sd35
