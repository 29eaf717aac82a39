#include "core/threads.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "core/error.h"

namespace sd35 {
namespace {

TEST(ThreadsTest, RangesCoverEveryItemOnce) {
  for (const int threads : {1, 2, 3}) {
    set_thread_count(threads);
    EXPECT_EQ(thread_count(), threads);
    for (const std::int64_t count : {0, 1, 2, 7, 1000}) {
      std::vector<std::atomic<int>> seen(static_cast<std::size_t>(count));
      parallel_for(count, 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) ++seen[static_cast<std::size_t>(i)];
      });
      for (const auto& times : seen) EXPECT_EQ(times, 1);
    }
  }
  set_thread_count(0);
  EXPECT_EQ(thread_count(), available_cores());
}

TEST(ThreadsTest, SerialLoopsStayOnTheirThread) {
  set_thread_count(2);
  const auto ranges = [] {
    std::atomic<int> count = 0;
    parallel_for(100, 1, [&](std::int64_t, std::int64_t) { ++count; });
    return count.load();
  };
  EXPECT_EQ(ranges(), 2);
  {
    const SerialLoops serial;
    EXPECT_EQ(ranges(), 1);
    std::thread other([&] { EXPECT_EQ(ranges(), 2); });
    other.join();
  }
  EXPECT_EQ(ranges(), 2);
  set_thread_count(0);
}

TEST(ThreadsTest, AnExceptionComesBackToTheCaller) {
  set_thread_count(2);
  EXPECT_THROW(parallel_for(100, 1,
                            [](std::int64_t, std::int64_t end) {
                              if (end == 100) throw FileError("broken");
                            }),
               FileError);
  set_thread_count(0);
  EXPECT_THROW(set_thread_count(-1), ArgumentError);
}

}  // namespace
}  // namespace sd35
