#include "sampling/sigmas.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "core/error.h"
#include "tests/support/checksum.h"
#include "tests/unit/sampling/goldens.h"

namespace sd35 {
namespace {

TEST(FlowSigmas, EqualDiffusers) {
  for (const Json& golden : goldens()["sigmas"]) {
    const double shift = golden["shift"];
    for (const auto& [steps, sigmas] : golden["lists"].items())
      EXPECT_EQ(flow_sigmas(std::stoi(steps), shift), sigmas.get<Floats>()) << steps << " " << shift;
    EXPECT_EQ(shift_sigmas(goldens()["custom"].get<Floats>(), shift), golden["custom"].get<Floats>());
  }
}

TEST(FlowSigmas, SigmasAndTimestepsEqualDiffusersForEveryNumberOfSteps) {
  ASSERT_EQ(goldens()["sigmas"].size(), 3u);
  for (const Json& golden : goldens()["sigmas"]) {
    Checksum sum;
    for (int steps = 1; steps <= 1000; ++steps) {
      const Floats sigmas = flow_sigmas(steps, golden["shift"]);
      Floats timesteps;
      for (int i = 0; i < steps; ++i) timesteps.push_back(timestep_at(sigmas[i]));
      sum.add(std::span<const float>(sigmas));
      sum.add(std::span<const float>(timesteps));
    }
    EXPECT_EQ(sum.hex(), golden["all"].get<std::string>()) << golden["shift"];
  }
}

TEST(ShiftOfSize, GrowsWithTheSide) {
  EXPECT_EQ(shift_of_size(64 * 64), 3);
  EXPECT_EQ(shift_of_size(32 * 32), 1.5);
  EXPECT_NEAR(shift_of_size(90 * 90), 4.21875, 1e-12);
}

TEST(FlowSigmas, RefuseImpossibleOptions) {
  EXPECT_THROW(flow_sigmas(0), ArgumentError);
  EXPECT_THROW(flow_sigmas(-3), ArgumentError);
  EXPECT_THROW(flow_sigmas(1001), ArgumentError);
  for (const double shift : {0.0, -1.0, 1e300, double{INFINITY}, std::nan("")})
    EXPECT_THROW(flow_sigmas(28, shift), ArgumentError) << shift;
}

TEST(ShiftSigmas, RefuseWhatDoesNotDecrease) {
  for (const Floats& custom : {Floats{}, Floats{0.5f, 0.5f}, Floats{0.5f, 0.6f}, Floats{1.1f, 0.5f},
                               Floats{1, 0}, Floats{1, -0.1f}, Floats{NAN, 0.5f}, Floats{1, NAN}})
    EXPECT_THROW(shift_sigmas(custom), ArgumentError);
}

const std::string kWhere = "model/scheduler/scheduler_config.json";

SchedulerConfig parse(const std::string& text) {
  return SchedulerConfig::from_json(Json::parse(text), kWhere);
}

TEST(SchedulerConfig, OfTheModel) {
  const SchedulerConfig config = parse(R"({"_class_name": "FlowMatchEulerDiscreteScheduler",
      "_diffusers_version": "0.29.0.dev0", "num_train_timesteps": 1000, "shift": 3.0,
      "use_dynamic_shifting": false, "shift_terminal": null, "base_shift": 0.5})");
  EXPECT_EQ(config.num_train_timesteps, 1000);
  EXPECT_EQ(config.shift, 3.0);
}

TEST(SchedulerConfig, DefaultsAreThoseOfTheClass) {
  const SchedulerConfig config = parse(R"({"_class_name": "FlowMatchEulerDiscreteScheduler"})");
  EXPECT_EQ(config.num_train_timesteps, 1000);
  EXPECT_EQ(config.shift, 1.0);
}

TEST(SchedulerConfig, NamesTheFileAndTheKey) {
  const std::vector<std::pair<std::string, std::string>> bad = {
      {R"("use_dynamic_shifting": true)", "use_dynamic_shifting"},
      {R"("shift_terminal": 0.1)", "shift_terminal"},
      {R"("use_karras_sigmas": true)", "use_karras_sigmas"},
      {R"("use_exponential_sigmas": true)", "use_exponential_sigmas"},
      {R"("use_beta_sigmas": "yes")", "use_beta_sigmas"},
      {R"("invert_sigmas": true)", "invert_sigmas"},
      {R"("stochastic_sampling": true)", "stochastic_sampling"},
      {R"("shift": 0)", "shift"},
      {R"("shift": "3")", "shift"},
      {R"("shift": null)", "shift"},
      {R"("num_train_timesteps": 0)", "num_train_timesteps"},
      {R"("num_train_timesteps": 10.5)", "num_train_timesteps"},
      {R"("num_train_timesteps": 1e18)", "num_train_timesteps"},
      {R"("num_train_timesteps": [[[]]])", "num_train_timesteps"},
  };
  for (const auto& [option, key] : bad) {
    try {
      parse(R"({"_class_name": "FlowMatchEulerDiscreteScheduler", )" + option + "}");
      FAIL() << option;
    } catch (const FileError& error) {
      const std::string message = error.what();
      EXPECT_EQ(message.rfind(kWhere + ": " + key, 0), 0u) << message;
    }
  }
}

TEST(SchedulerConfig, RefusesOtherClasses) {
  EXPECT_THROW(parse("{}"), FileError);
  EXPECT_THROW(parse("[]"), FileError);
  EXPECT_THROW(parse(R"({"_class_name": 3})"), FileError);
  try {
    parse(R"({"_class_name": "DDIMScheduler\n)" + std::string(10000, 'x') + R"("})");
    FAIL();
  } catch (const FileError& error) {
    const std::string message = error.what();
    EXPECT_NE(message.find("DDIMScheduler"), std::string::npos);
    EXPECT_EQ(message.find('\n'), std::string::npos);
    EXPECT_LT(message.size(), 200u);
  }
}

TEST(FlowSigmas, EveryShiftOfTheRangeWorks) {
  for (const double shift : {0.01, 0.011, 0.02, 0.5, 3.0, 100.0})
    for (const int steps : {1, 2, 40, 1000}) {
      const std::vector<float> sigmas = flow_sigmas(steps, shift);
      EXPECT_LE(sigmas.front(), 1.0f) << shift << " " << steps;
      EXPECT_NEAR(sigmas.front(), 1.0f, 1e-4) << shift << " " << steps;
    }
}

}  // namespace
}  // namespace sd35
