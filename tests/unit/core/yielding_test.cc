#include "core/yielding.h"

#include <gtest/gtest.h>
#include <omp.h>
#include <sys/resource.h>

#include <array>
#include <chrono>
#include <fstream>
#include <string>

#include "core/threads.h"
#include "tests/support/temporary_folder.h"

namespace sd35 {
namespace {

TEST(YieldingTest, TimesOfAllThreadsAreAdded) {
  const TemporaryFolder tasks;
  EXPECT_EQ(nanoseconds_without_core(tasks.path()), 0u);
  EXPECT_EQ(nanoseconds_without_core(tasks / "missing"), 0u);
  for (const auto& [thread, text] :
       {std::array<std::string, 2>{"7", "100 20 3\n"}, {"8", "5 4000000000000 1\n"}, {"9", "not a number"}}) {
    std::filesystem::create_directory(tasks / thread);
    std::ofstream(tasks / (thread + "/schedstat")) << text;
  }
  std::filesystem::create_directory(tasks / "10");  // has ended
  EXPECT_EQ(nanoseconds_without_core(tasks.path()), 4000000000020u);
  EXPECT_EQ(nanoseconds_without_core(tasks.path(), "8"), 20u);
}

TEST(YieldingTest, CoresAreContendedAtOnceAndForAWhile) {
  Contention contention;
  EXPECT_FALSE(contention.after(0));
  EXPECT_FALSE(contention.after(0.01));
  EXPECT_TRUE(contention.after(0.5));
  EXPECT_TRUE(contention.after(0));
  EXPECT_TRUE(contention.after(1.5)) << "several threads without a core";
  int samples = 1;
  while (contention.after(0.01)) ++samples;
  EXPECT_GT(samples, 10);
  EXPECT_FALSE(contention.after(0.01));
}

// How often the two threads of `regions` regions with pauses between them went to sleep.
long sleeps(int regions) {
  const OpenMpThreads two(2);
  long sum = 0;
  for (int region = 0; region <= regions; ++region) {
#pragma omp parallel reduction(+ : sum)
    if (omp_get_thread_num() == 1 && (region == 0 || region == regions)) {
      rusage usage{};
      getrusage(RUSAGE_THREAD, &usage);
      sum += region == 0 ? -usage.ru_nvcsw : usage.ru_nvcsw;
    }
    // Longer than a moment's spinning, shorter than the usual one.
    const auto start = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() - start < std::chrono::microseconds(300)) {
    }
  }
  return sum;
}

TEST(YieldingTest, ATeamThatSleepsKeepsOthersFromSpinning) {
  constexpr int kRegions = 200;
  const SleepingTeam team;
  sleeps(kRegions);  // until the team has started
  EXPECT_GE(sleeps(kRegions), kRegions / 2);
}

TEST(YieldingTest, WatchesAndEndsWhileOthersWork) {
  const ThreadCount two(2);
  for (int i = 0; i < 3; ++i) {
    const YieldWhenBusy yielding, nested;
    sleeps(100);
  }
}

}  // namespace
}  // namespace sd35
