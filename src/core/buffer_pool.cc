#include "core/buffer_pool.h"

#include <sys/mman.h>

#include <cstdint>
#include <new>
#include <utility>

namespace sd35 {
namespace {

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kHugePage = std::size_t{2} << 20;

constexpr std::size_t kPage = std::size_t{64} << 10;  // a multiple of the pages of every system

// Large buffers are mapped separately: freed, they go back to the system at once, where a heap would keep
// what lies between others. Kernels walk the largest with strides of many pages.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool is_mapped(std::size_t) { return false; }  // sees what is read beyond a buffer of the heap
#else
constexpr bool is_mapped(std::size_t bytes) { return bytes >= kHugePage / 4; }
#endif

std::size_t rounded_up(std::size_t bytes, std::size_t multiple) {
  return (bytes + multiple - 1) / multiple * multiple;
}

void* map(std::size_t bytes) {
  const bool huge = bytes >= 2 * kHugePage;
  const std::size_t length = rounded_up(bytes, kPage), spare = huge ? kHugePage : 0;
  void* const mapped =
      mmap(nullptr, length + spare, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) throw std::bad_alloc();
  if (!huge) return mapped;
  auto* const first = static_cast<std::byte*>(mapped);
  const auto address = reinterpret_cast<std::uintptr_t>(mapped);
  const std::size_t before = rounded_up(address, kHugePage) - address;
  if (before > 0) munmap(first, before);
  if (before < spare) munmap(first + before + length, spare - before);
  madvise(first + before, length, MADV_HUGEPAGE);
  return first + before;
}

void* allocate(std::size_t bytes) {
  return is_mapped(bytes) ? map(bytes) : ::operator new(bytes, std::align_val_t(kAlignment));
}

void release(void* data, std::size_t bytes) {
  if (is_mapped(bytes))
    munmap(data, rounded_up(bytes, kPage));
  else
    ::operator delete(data, std::align_val_t(kAlignment));
}

// Never destroyed: tensors may outlive static destruction.
const std::shared_ptr<BufferPool>& pool_of_process() {
  static const auto* const pool = new std::shared_ptr<BufferPool>(std::make_shared<BufferPool>());
  return *pool;
}

// Null: that of the process. A pointer, because a thread's tensors may outlive its variables.
thread_local const std::shared_ptr<BufferPool>* current_pool = nullptr;

}  // namespace

BufferPool::~BufferPool() { close(); }

void* BufferPool::take(std::size_t bytes) {
  {
    const std::lock_guard lock(mutex_);
    const auto it = free_.find(bytes);
    if (it != free_.end()) {
      void* data = it->second;
      free_.erase(it);
      return data;
    }
  }
  return allocate(bytes);
}

void BufferPool::give(void* data, std::size_t bytes) noexcept {
  const std::lock_guard lock(mutex_);
  try {
    if (closed_)
      release(data, bytes);
    else
      free_.emplace(bytes, data);
  } catch (const std::bad_alloc&) {  // from a destructor: an error could not be reported
    release(data, bytes);
  }
}

std::size_t BufferPool::waiting() const {
  const std::lock_guard lock(mutex_);
  std::size_t sum = 0;
  for (const auto& [bytes, data] : free_) sum += bytes;
  return sum;
}

void BufferPool::trim() {
  const std::lock_guard lock(mutex_);
  for (const auto& [bytes, data] : free_) release(data, bytes);
  free_.clear();
}

void BufferPool::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  trim();
}

PoolScope::PoolScope() : pool_(std::make_shared<BufferPool>()), own_(true) { enter(); }

PoolScope::PoolScope(std::shared_ptr<BufferPool> pool) : pool_(std::move(pool)) { enter(); }

PoolScope::~PoolScope() {
  current_pool = outer_;
  if (own_) pool_->close();
}

void PoolScope::enter() { outer_ = std::exchange(current_pool, &pool_); }

std::shared_ptr<BufferPool> PoolScope::current() {
  return current_pool == nullptr ? pool_of_process() : *current_pool;
}

void trim_pool() { PoolScope::current()->trim(); }

}  // namespace sd35
