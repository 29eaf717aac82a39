// Whatever the table of options says is true of each option, in every form that options have.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "core/error.h"
#include "options/check_values.h"
#include "options/option_json.h"
#include "options/options.h"
#include "tests/support/option_examples.h"

namespace sd35 {
namespace {

using nlohmann::json;

template <class Options>
class OptionTableTest : public testing::Test {
 protected:
  // Runs `test(option, default)` for each option.
  template <class Test>
  void for_each(Test test) const {
    visit_defaults<Options>([&](const Option& option, const auto& value) {
      SCOPED_TRACE(std::string(option.name));
      test(option, value);
    });
  }

  // The error that reading throws; Error("") if there is none.
  ArgumentError refusal(const json& given) const {
    try {
      Options options;
      options_from_json(given, options);
    } catch (const ArgumentError& error) {
      return error;
    }
    return ArgumentError("");
  }
};

using BothOptions = testing::Types<LoadOptions, GenerateOptions>;
TYPED_TEST_SUITE(OptionTableTest, BothOptions);

TYPED_TEST(OptionTableTest, NamesAreUnlikeAndEachHasHelp) {
  std::set<std::string> names;
  std::multiset<std::string> arguments;
  this->for_each([&](const Option& option, const auto& /*value*/) {
    EXPECT_TRUE(names.insert(std::string(option.name)).second);
    arguments.insert(long_argument_of(option));
    EXPECT_FALSE(option.help.empty());
    EXPECT_FALSE(option.group.empty());
    EXPECT_NE(option.effects, 0u);
  });
  for (const std::string& argument : arguments)
    EXPECT_EQ(arguments.count(argument), argument == "--guidance-interval" ? 2u : 1u) << argument;
}

TYPED_TEST(OptionTableTest, WhatIsChosenIsWhatARecipeHoldsBesideTheDefaults) {
  EXPECT_EQ(json(options_to_json(TypeParam(), JsonOptions::chosen)), json::object());
  this->for_each([&](const Option& option, const auto& /*standard*/) {
    const json given = object_with(option, example_of(option));
    TypeParam options;
    options_from_json(given, options);
    EXPECT_EQ(json(options_to_json(options, JsonOptions::chosen)), option.recorded ? given : json::object());
    EXPECT_EQ(option.recorded, (option.effects & kOnPicture) != 0) << "what else would a recipe hold?";
  });
}

TYPED_TEST(OptionTableTest, EveryExampleSurvivesJson) {
  this->for_each([&]<class T>(const Option& option, const T& standard) {
    const json given = object_with(option, example_of(option));
    TypeParam options;
    options_from_json(given, options);
    visit_options(options, [&]<class U>(const Option& other, const U& value) {
      if constexpr (std::is_same_v<T, U>) {
        if (other.name == option.name) {
          EXPECT_NE(value, standard);
        }
      }
    });
    const json written = options_to_json(options);
    EXPECT_TRUE(written == options_to_json(options));
    json expected = options_to_json(TypeParam());
    expected.merge_patch(given);
    EXPECT_EQ(written, expected);
  });
}

TYPED_TEST(OptionTableTest, RecipesHoldWhatIsNotThisMachinesAffair) {
  this->for_each([&](const Option& option, const auto& /*standard*/) {
    const json given = object_with(option, example_of(option));
    TypeParam options;
    options_from_json(given, options);
    json expected = options_to_json(TypeParam(), JsonOptions::recorded);
    if (option.recorded) expected.merge_patch(given);
    EXPECT_EQ(json(options_to_json(options, JsonOptions::recorded)), expected);
  });
}

TYPED_TEST(OptionTableTest, AValueOfAnotherTypeNamesItsOption) {
  this->for_each([&](const Option& option, const auto& /*standard*/) {
    const ArgumentError error = this->refusal(object_with(option, json::object({{"a", 1}})));
    EXPECT_EQ(error.option(), option.name) << error.what();
    EXPECT_NE(std::string(error.what()).find("is an object; it must be "), std::string::npos) << error.what();
  });
}

TYPED_TEST(OptionTableTest, ANumberOutOfRangeNamesItsOption) {
  this->for_each([&]<class T>(const Option& option, const T& /*standard*/) {
    const bool list = std::is_same_v<T, std::vector<int>>;
    std::vector<double> outside, inside;
    for (const double end : {option.range.least, option.range.most}) {
      if (std::abs(end) == FLT_MAX) continue;
      inside.push_back(end);
      outside.push_back(end == option.range.least ? end - 1 : end + 1);
    }
    for (const double value : inside) {
      const json number = list ? json::array({value}) : json(value);
      EXPECT_EQ(this->refusal(object_with(option, number)).what(), std::string()) << value;
    }
    for (const double value : outside) {
      const json number = list ? json::array({value}) : json(value);
      const ArgumentError error = this->refusal(object_with(option, number));
      EXPECT_EQ(error.option(), option.name);
      EXPECT_NE(std::string(error.what()).find("it must be " + range_of(option)), std::string::npos)
          << error.what();
    }
  });
}

TYPED_TEST(OptionTableTest, NoNumberIsInfinite) {
  this->for_each([&]<class T>(const Option& option, const T& /*standard*/) {
    if constexpr (std::is_same_v<T, double> || std::is_same_v<T, std::optional<double>>) {
      for (const double value : std::array<double, 4>{NAN, INFINITY, -INFINITY, 1e39}) {
        EXPECT_THROW(check_value(option, value), ArgumentError) << value;
      }
    }
  });
}

TYPED_TEST(OptionTableTest, ChoicesAreThoseThatArePossible) {
  this->for_each([&](const Option& option, const auto& /*standard*/) {
    if (option.check == nullptr) return;
    std::string names;
    for (const OptionChoice& choice : option.choices) {
      EXPECT_EQ(this->refusal(object_with(option, choice.name)).what(), std::string()) << choice.name;
      names += (names.empty() ? "" : ", ") + std::string(choice.name);
    }
    const ArgumentError error = this->refusal(object_with(option, "abacus"));
    EXPECT_EQ(error.option(), option.name);
    EXPECT_TRUE(std::string(error.what()).ends_with(names)) << error.what() << "; the table has " << names;
    EXPECT_NE(std::string(error.what()).find(std::string(option.name)), std::string::npos) << error.what();
  });
}

TYPED_TEST(OptionTableTest, WhatIsMissingOrNullStaysAsItIs) {
  this->for_each([&](const Option& option, const auto& /*standard*/) {
    TypeParam options;
    options_from_json(object_with(option, example_of(option)), options);
    const json before = options_to_json(options);
    options_from_json(json::object(), options);
    options_from_json(object_with(option, nullptr), options);
    EXPECT_EQ(json(options_to_json(options)), before);
  });
}

TYPED_TEST(OptionTableTest, AKeyThatThereIsNotIsNamed) {
  for (const json& given :
       {json{{"colour", 1}}, json{{"colour", nullptr}}, json{{"colour", json::object()}}}) {
    const ArgumentError error = this->refusal(given);
    EXPECT_EQ(error.option(), "colour");
    this->for_each([&](const Option& option, const auto& /*standard*/) {
      EXPECT_NE(std::string(error.what()).find(std::string(option.name)), std::string::npos) << error.what();
    });
  }
  for (const json& given : {json(), json(1), json::array()})
    EXPECT_NE(this->refusal(given).what(), std::string());
}

TEST(OptionJsonTest, FieldsOfFieldsAreNamedWhole) {
  GenerateOptions options;
  const auto option_of = [&](const json& given) -> std::string {
    try {
      options_from_json(given, options);
    } catch (const ArgumentError& error) {
      return error.option();
    }
    return "";
  };
  EXPECT_EQ(option_of({{"skip_layer_guidance", {{"layer", 1}}}}), "skip_layer_guidance.layer");
  EXPECT_EQ(option_of({{"skip_layer_guidance", 1}}), "skip_layer_guidance");
  EXPECT_EQ(option_of({{"skip_layer_guidance", {{"layers", {1, "two"}}}}}), "skip_layer_guidance.layers");
  EXPECT_EQ(option_of({{"skip_layer_guidance", json::object()}}), "");
  EXPECT_EQ(option_of({{"skip_layer_guidance", nullptr}}), "");
}

TEST(OptionJsonTest, LorasAreAListOfPathsAndWeights) {
  LoadOptions options;
  options_from_json({{"loras", {{{"path", "a"}, {"weight", 0.5}}, {{"path", "b"}}}}}, options);
  EXPECT_EQ(options.loras, (std::vector<LoraOptions>{{"a", 0.5}, {"b", 1}}));
  for (const json& wrong : {json{{"path", "a"}}, json{{{"weight", 1}}}, json{{{"path", "a"}, {"wait", 1}}},
                            json{{{"path", "a"}, {"weight", "1"}}}, json{{{"path", 1}}}})
    EXPECT_THROW(options_from_json({{"loras", wrong}}, options), ArgumentError) << wrong;
  EXPECT_THROW(options_from_json({{"packed", std::string("a\0b", 3)}}, options), ArgumentError);
}

TEST(OptionJsonTest, WholeNumbersAreExactAndFitTheirType) {
  GenerateOptions options;
  options_from_json({{"seed", 18446744073709551615u}, {"count", 24.0}}, options);
  EXPECT_EQ(options.seed, 18446744073709551615u);
  EXPECT_EQ(options.count, 24);
  for (const json& wrong : {json(2147483648), json(-2147483649), json(1.5), json(1e300), json("1")})
    EXPECT_THROW(options_from_json({{"width", wrong}}, options), ArgumentError) << wrong;
  for (const json& wrong : {json(-1), json(1.0), json("1")})
    EXPECT_THROW(options_from_json({{"seed", wrong}}, options), ArgumentError) << wrong;
}

}  // namespace
}  // namespace sd35
