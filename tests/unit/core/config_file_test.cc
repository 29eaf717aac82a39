#include "core/config_file.h"

#include <limits>

#include "tests/support/file_bytes.h"
#include "tests/support/file_error.h"
#include "tests/support/temporary_folder.h"

namespace sd35 {
namespace {

class Config : public testing::Test {
 protected:
  // The message of the error that `read` makes of a file with this text.
  template <class Read>
  std::string error(const std::string& text, Read read) {
    return file_error("config.json", [&] {
      const nlohmann::json json = parse_json_object(text, "config.json");
      read(ConfigReader(json, "config.json"));
    });
  }
  std::string parse_error(const std::string& text) {
    return file_error("config.json", [&] { parse_json_object(text, "config.json"); });
  }
};

TEST_F(Config, OfAPlaceInsideAFileIsAboutTheFile) {
  const Location place("a.safetensors: metadata 'x'", "a.safetensors");
  const nlohmann::json json = parse_json_object(R"({"k": 1})", place);
  EXPECT_EQ(file_error("a.safetensors", [&] { ConfigReader(json, place).text("k"); }),
            "a.safetensors: metadata 'x': 'k' is 1; it must be a string");
  EXPECT_EQ(file_error("a.safetensors", [&] { parse_json_object("[]", place); }),
            "a.safetensors: metadata 'x': the file holds a list; it must be an object");
}

TEST_F(Config, ReadsValues) {
  const nlohmann::json json = parse_json_object(
      R"({"i": 3, "whole": 4.0, "n": 2.5, "t": "x", "b": true, "l": [1, 2], "null": null, "choice": "b"})",
      "c");
  const ConfigReader reader(json, "c");
  EXPECT_EQ(reader.integer("i", 3, 3), 3);
  EXPECT_EQ(reader.integer("whole", 0, 9), 4);
  EXPECT_EQ(reader.number("n", 2.5, 2.5), 2.5);
  EXPECT_EQ(reader.number("i", 0, 9), 3.0);
  EXPECT_EQ(reader.text("t"), "x");
  EXPECT_TRUE(reader.boolean("b"));
  EXPECT_EQ(reader.integers("l", 1, 2, 2), (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(reader.choice("choice", {"a", "b"}), "b");
  EXPECT_TRUE(reader.has("i"));
  EXPECT_FALSE(reader.has("null"));
  for (const std::string key : {"null", "none"}) {
    EXPECT_EQ(reader.integer(key, 0, 9, 7), 7);
    EXPECT_EQ(reader.number(key, 0, 9, 7.5), 7.5);
    EXPECT_EQ(reader.text(key, "y"), "y");
    EXPECT_TRUE(reader.boolean(key, true));
    EXPECT_EQ(reader.integers(key, 0, 9, 3, {5}), (std::vector<std::int64_t>{5}));
    EXPECT_EQ(reader.choice(key, {"a", "b"}), "a");
  }
}

TEST_F(Config, SaysWhatIsWrongWithAValue) {
  const auto integer = [](const ConfigReader& r) { r.integer("k", 1, 64); };
  EXPECT_EQ(error("{}", integer), "config.json: 'k' is missing");
  EXPECT_EQ(error(R"({"k": null})", integer), "config.json: 'k' is missing");
  EXPECT_EQ(error(R"({"k": 0})", integer), "config.json: 'k' is 0; it must be a whole number from 1 to 64");
  const std::vector<std::pair<std::string, std::string>> refused = {
      {"65", "is 65;"},
      {"-1", "is -1;"},
      {"1.5", "is 1.5;"},
      {"1e300", "is 1e+300;"},
      {"18446744073709551615", "is 18446744073709551615;"},
      {"\"2\"", "is '2';"},
      {"true", "is true;"},
      {"{}", "is an object;"},
      {"[]", "is a list;"}};
  for (const auto& [value, part] : refused) {
    const std::string message = error("{\"k\": " + value + "}", integer);
    EXPECT_NE(message.find(part), std::string::npos) << message;
  }
  // With a default a wrong value is still an error.
  EXPECT_NE(error(R"({"k": "x"})", [](const ConfigReader& r) { r.integer("k", 0, 1, 0); }).find("'x'"),
            std::string::npos);
  EXPECT_EQ(error(R"({"k": 2})", [](const ConfigReader& r) { r.number("k", 0, 1.5); }),
            "config.json: 'k' is 2; it must be a number from 0.0 to 1.5");
  EXPECT_NE(error(R"({"k": "2"})", [](const ConfigReader& r) { r.number("k", 0, 5); }).find("a number"),
            std::string::npos);
  EXPECT_EQ(error(R"({"k": 1})", [](const ConfigReader& r) { r.text("k"); }),
            "config.json: 'k' is 1; it must be a string");
  EXPECT_EQ(error(R"({"k": 1})", [](const ConfigReader& r) { r.boolean("k"); }),
            "config.json: 'k' is 1; it must be true or false");
  EXPECT_EQ(error(R"({"k": "relu"})",
                  [](const ConfigReader& r) {
                    r.choice("k", {"gelu", "quick_gelu"});
                  }),
            "config.json: 'k' is 'relu'; supported: 'gelu', 'quick_gelu'");
  const auto integers = [](const ConfigReader& r) { r.integers("k", 0, 9, 2); };
  EXPECT_EQ(error(R"({"k": [1, 2, 3]})", integers),
            "config.json: 'k' is a list of 3; it must be a list of up to 2 whole numbers");
  EXPECT_NE(error(R"({"k": 1})", integers).find("is 1; it must be a list"), std::string::npos);
  EXPECT_NE(error(R"({"k": [10]})", integers).find("is 10; it must be a whole number from 0 to 9"),
            std::string::npos);
}

TEST_F(Config, RefusesTextThatIsNoObject) {
  EXPECT_EQ(parse_error(R"({"a": {"b": 1, "b": 2}})"), "config.json: key 'b' is there twice");
  EXPECT_EQ(parse_error(R"([{"a": 1}, {"a": 1}])"),
            "config.json: the file holds a list; it must be an object");
  EXPECT_NO_THROW(parse_json_object(R"({"a": 1, "b": {"a": 1}, "c": [{"a": 1}, {"a": 1}]})", "config.json"));
  EXPECT_NE(parse_error("{\"a\": \"\xc3\x28\"}").find("not valid JSON in UTF-8 (line 1, column 9)"),
            std::string::npos);
  EXPECT_NE(parse_error("").find("not valid JSON"), std::string::npos);
  EXPECT_NE(parse_error("{\n  \"a\": 1,\n  \"b\": 2,\n}").find("(line 4, column 1)"), std::string::npos);
  EXPECT_NE(parse_error("{ // a note\n}").find("(line 1, column 3)"), std::string::npos);
  EXPECT_NE(parse_error("{} {}").find("not valid JSON"), std::string::npos);
  EXPECT_NE(parse_error("{\"a\": NaN}").find("not valid JSON"), std::string::npos);
  EXPECT_NE(parse_error("{\"a\": 1e999}").find("config.json: "), std::string::npos);
  EXPECT_NE(parse_error("{\"a\": " + std::string(1000000, '[')).find("nested deeper than 32 levels"),
            std::string::npos);
  EXPECT_NE(parse_error("\"" + std::string(100000, 'x') + "\"").find("xxx...'; it must be an object"),
            std::string::npos);
}

TEST_F(Config, ReadsCommentsWhereTheyAreAllowed) {
  const nlohmann::json json =
      parse_json_object("{ // a note\n\"a\": /* one */ 1}", "x", JsonComments::allowed);
  EXPECT_EQ(json, nlohmann::json({{"a", 1}}));
}

TEST_F(Config, ReadsFilesOfBoundedSize) {
  const TemporaryFolder folder;
  put_file(folder / "a.json", R"({"a": 1})");
  EXPECT_EQ(read_json_file(folder / "a.json").at("a"), 1);
  EXPECT_NE(file_error([&] { read_json_file(folder / "a.json", 7); }).find("8 bytes are too many"),
            std::string::npos);
  EXPECT_NE(file_error([&] { read_json_file(folder / "b.json"); }).find("No such file"), std::string::npos);
  EXPECT_NE(file_error([&] { read_json_file(folder.path()); }).find("not a regular file"), std::string::npos);
}

}  // namespace
}  // namespace sd35
