#include "core/buffer_pool.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <memory>
#include <thread>

#include "core/tensor.h"
#include "core/threads.h"

namespace sd35 {
namespace {

const void* address_of_a_tensor() { return Tensor({1000}, DType::f32).raw(); }

TEST(BufferPoolTest, HandsFreedMemoryOutAgain) {
  const PoolScope scope;
  const void* const first = address_of_a_tensor();
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(first) % 64, 0u);
  EXPECT_EQ(PoolScope::current()->waiting(), 4000u);
  EXPECT_EQ(address_of_a_tensor(), first);
  trim_pool();
  EXPECT_EQ(PoolScope::current()->waiting(), 0u);
}

TEST(BufferPoolTest, EachScopeHasItsOwn) {
  const PoolScope outer;
  const void* const first = address_of_a_tensor();
  {
    const PoolScope inner;
    EXPECT_NE(address_of_a_tensor(), first);
    trim_pool();
  }
  EXPECT_EQ(address_of_a_tensor(), first) << "the inner scope trimmed its own";
}

TEST(BufferPoolTest, OtherThreadsAreNotInIt) {
  const PoolScope scope;
  std::shared_ptr<BufferPool> other;
  std::thread([&] { other = PoolScope::current(); }).join();
  EXPECT_NE(other, PoolScope::current());
}

TEST(BufferPoolTest, ThreadsOfALoopAreInTheCallersPool) {
  const ThreadCount two(2);
  const PoolScope scope;
  std::array<std::shared_ptr<BufferPool>, 2> pools;
  parallel_for(2, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) pools.at(static_cast<std::size_t>(i)) = PoolScope::current();
  });
  for (const auto& pool : pools) EXPECT_EQ(pool, PoolScope::current());
}

TEST(BufferPoolTest, ATensorOutlivesItsScope) {
  Tensor kept;
  std::shared_ptr<BufferPool> pool;
  {
    const PoolScope scope;
    kept = Tensor::zeros({1000});
    pool = PoolScope::current();
  }
  EXPECT_EQ(kept.floats()[999], 0.0f);
  kept = Tensor();
  EXPECT_EQ(pool->waiting(), 0u) << "nobody would take it";
}

}  // namespace
}  // namespace sd35
