#include "core/threads.h"

#include <gtest/gtest.h>
#include <omp.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "core/error.h"

namespace sd35 {
namespace {

TEST(ThreadsTest, RangesCoverEveryItemOnce) {
  for (const int threads : {1, 2, 3}) {
    const ThreadCount scope(threads);
    EXPECT_EQ(thread_count(), threads);
    for (const std::int64_t count : {0, 1, 2, 7, 1000}) {
      std::vector<std::atomic<int>> seen(static_cast<std::size_t>(count));
      parallel_for(count, 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) ++seen[static_cast<std::size_t>(i)];
      });
      for (const auto& times : seen) EXPECT_EQ(times, 1);
    }
  }
  EXPECT_EQ(thread_count(), available_cores());
}

TEST(ThreadsTest, EachThreadHasACountOfItsOwn) {
  const ThreadCount three(3);
  {
    const ThreadCount two(2);
    EXPECT_EQ(thread_count(), 2);
    const ThreadCount as_many_as_cores(0);
    EXPECT_EQ(thread_count(), available_cores());
  }
  EXPECT_EQ(thread_count(), 3);
  std::thread other([] {
    EXPECT_EQ(thread_count(), available_cores());
    const ThreadCount five(5);
    EXPECT_EQ(thread_count(), 5);
  });
  other.join();
  EXPECT_EQ(thread_count(), 3);
}

TEST(ThreadsTest, SerialLoopsStayOnTheirThread) {
  const ThreadCount two(2);
  const auto ranges = [] {
    std::atomic<int> count = 0;
    parallel_for(100, 1, [&](std::int64_t, std::int64_t) { ++count; });
    return count.load();
  };
  EXPECT_EQ(ranges(), 2);
  {
    const SerialLoops serial;
    EXPECT_EQ(ranges(), 1);
    std::thread other([&] {
      const ThreadCount two_again(2);
      EXPECT_EQ(ranges(), 2);
    });
    other.join();
  }
  EXPECT_EQ(ranges(), 2);
}

TEST(ThreadsTest, AnExceptionComesBackToTheCaller) {
  const ThreadCount two(2);
  EXPECT_THROW(parallel_for(100, 1,
                            [](std::int64_t, std::int64_t end) {
                              if (end == 100) throw FileError("broken");
                            }),
               FileError);
}

TEST(ThreadsTest, AShortLoopEndsNoThreads) {
  const ThreadCount count(4);
  const auto threads = [](std::int64_t ranges) {
    std::mutex mutex;
    std::set<pid_t> ids;
    parallel_for(ranges, 1, [&](std::int64_t, std::int64_t) {
      const std::lock_guard lock(mutex);
      ids.insert(gettid());
    });
    return ids;
  };
  const std::set<pid_t> four = threads(4);
  EXPECT_EQ(four.size(), 4u);
  EXPECT_EQ(threads(2).size(), 2u);
  EXPECT_EQ(threads(4), four);
}

TEST(ThreadsTest, CountsThatCannotBeAreErrors) {
  for (const int count : {-1, kMostThreads + 1, 65536, 2147483647})
    EXPECT_THROW(ThreadCount{count}, ArgumentError) << count;
  EXPECT_EQ(thread_count(), available_cores()) << "as it was";
}

#ifndef __SANITIZE_ADDRESS__  // which needs more address space than the limit leaves
TEST(ThreadsTest, WhatTheSystemDoesNotStartIsAnErrorBeforeOpenMpEndsTheProcess) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto limited = [] {
    rlimit memory{};
    getrlimit(RLIMIT_AS, &memory);
    memory.rlim_cur = rlim_t{2} << 30;  // stacks of 800 threads take 6
    setrlimit(RLIMIT_AS, &memory);
    try {
      const ThreadCount many(800);
    } catch (const ArgumentError&) {
      std::_Exit(0);
    }
    std::_Exit(1);
  };
  EXPECT_EXIT(limited(), testing::ExitedWithCode(0), "");
}
#endif

TEST(ThreadsTest, ARegionOfTheCallersHasNoThreadsToGive) {
  const ThreadCount two(2);
  std::atomic<int> ones = 0, ranges = 0;
#pragma omp parallel num_threads(2)
  {
    if (thread_count() == 1) ++ones;
    parallel_for(100, 1, [&](std::int64_t, std::int64_t) { ++ranges; });
  }
  EXPECT_EQ(ones, 2);
  EXPECT_EQ(ranges, 2);
  omp_set_max_active_levels(0);
  EXPECT_EQ(thread_count(), 1);
  omp_set_max_active_levels(1);
  EXPECT_EQ(thread_count(), 2);
}

TEST(ThreadsTest, TheCallersOpenMpSettingsHoldAgain) {
  omp_set_dynamic(1);
  omp_set_num_threads(5);
  {
    const OpenMpThreads three(3);
    EXPECT_EQ(omp_get_max_threads(), 3);
    int threads = 0;
#pragma omp parallel reduction(+ : threads)
    threads += 1;
    EXPECT_EQ(threads, 3);
  }
  EXPECT_EQ(omp_get_max_threads(), 5);
  EXPECT_NE(omp_get_dynamic(), 0);
  omp_set_dynamic(0);
  const ThreadCount two(2);
  EXPECT_EQ(omp_get_max_threads(), 5) << "thread counts are sd35's own";
}

}  // namespace
}  // namespace sd35
