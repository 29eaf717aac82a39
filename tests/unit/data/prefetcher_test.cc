#include "data/prefetcher.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <set>

namespace sd35 {
namespace {

using namespace std::chrono_literals;

TEST(Prefetcher, KeepsTheOrderWithAnyNumberOfThreads) {
  for (const int threads : {1, 2, 5}) {
    Prefetcher<std::unique_ptr<std::int64_t>> prefetcher(
        100, 4,
        [](std::int64_t number) {
          if (number % 3 == 0) std::this_thread::sleep_for(1ms);
          return std::make_unique<std::int64_t>(number * number);
        },
        threads);
    for (std::int64_t number = 100; number < 150; ++number) EXPECT_EQ(*prefetcher.next(), number * number);
  }
}

TEST(Prefetcher, StaysWithinItsLead) {
  std::atomic<std::int64_t> highest = 0, asked = 0;
  std::atomic<bool> beyond = false;
  Prefetcher<int> prefetcher(
      0, 3,
      [&](std::int64_t number) {
        highest = std::max(highest.load(), number);
        if (number > asked + 3) beyond = true;
        return 0;
      },
      1);
  for (int i = 0; i < 50; ++i) {
    asked = i;
    prefetcher.next();
  }
  EXPECT_FALSE(beyond);
  EXPECT_GE(highest, 49);
}

TEST(Prefetcher, WorksAhead) {
  std::mutex mutex;
  std::condition_variable changed;
  std::set<std::int64_t> prepared;
  Prefetcher<int> prefetcher(0, 4, [&](std::int64_t number) {
    const std::lock_guard lock(mutex);
    prepared.insert(number);
    changed.notify_all();
    return static_cast<int>(number);
  });
  // Without a single next().
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return prepared.size() == 4; });
  EXPECT_EQ(prepared, (std::set<std::int64_t>{0, 1, 2, 3}));
}

TEST(Prefetcher, ExceptionsComeInTheirTurn) {
  Prefetcher<int> prefetcher(
      0, 3,
      [](std::int64_t number) {
        if (number == 2) throw FileError("number 2");
        return static_cast<int>(number);
      },
      2);
  EXPECT_EQ(prefetcher.next(), 0);
  EXPECT_EQ(prefetcher.next(), 1);
  try {
    prefetcher.next();
    FAIL();
  } catch (const FileError& error) {
    EXPECT_STREQ(error.what(), "number 2");
  }
  EXPECT_EQ(prefetcher.next(), 3);
}

TEST(Prefetcher, StopsWhileWaitingWorkingOrUnused) {
  std::atomic<int> calls = 0;
  for (int round = 0; round < 50; ++round) {
    Prefetcher<int> prefetcher(
        0, 2,
        [&](std::int64_t number) {
          ++calls;
          return static_cast<int>(number);
        },
        3);
    for (int i = 0; i < round % 3; ++i) prefetcher.next();
  }
  EXPECT_LE(calls, 50 * 4);
}

TEST(Prefetcher, RefusesNoThreadsOrPlaces) {
  const auto prepare = [](std::int64_t) { return 0; };
  EXPECT_THROW(Prefetcher<int>(0, 0, prepare), ArgumentError);
  EXPECT_THROW(Prefetcher<int>(0, 1, prepare, 0), ArgumentError);
}

}  // namespace
}  // namespace sd35
