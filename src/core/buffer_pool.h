// Memory of tensors that waits for the next one of the same size.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>

namespace sd35 {

// Freed buffers are kept for the next tensor of the same size, because a denoising step allocates the same
// sizes again and again. For any thread; buffers are aligned to 64 bytes.
class BufferPool {
 public:
  BufferPool() = default;
  ~BufferPool();
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  // Throws std::bad_alloc.
  void* take(std::size_t bytes);
  void give(void* data, std::size_t bytes) noexcept;
  // Bytes that wait for a tensor.
  std::size_t waiting() const;
  // Returns what waits to the system.
  void trim();
  // From here on nothing waits: what is freed goes back to the system.
  void close();

 private:
  mutable std::mutex mutex_;
  bool closed_ = false;
  std::multimap<std::size_t, void*> free_;
};

// While it lives, the calling thread's tensors come from `pool`, as do those of parallel_for's threads that
// work for it. What outlives it keeps its memory.
class PoolScope {
 public:
  // A pool of its own, which is closed at the end.
  PoolScope();
  // One that is there already.
  explicit PoolScope(std::shared_ptr<BufferPool> pool);
  ~PoolScope();
  PoolScope(const PoolScope&) = delete;
  PoolScope& operator=(const PoolScope&) = delete;

  // That of the calling thread; without a scope the process's.
  static std::shared_ptr<BufferPool> current();

 private:
  void enter();

  std::shared_ptr<BufferPool> pool_;
  const std::shared_ptr<BufferPool>* outer_ = nullptr;
  bool own_ = false;
};

// Trims the calling thread's pool: between stages, whose tensors have other sizes.
void trim_pool();

}  // namespace sd35
