// What comes out of the public functions: sd35::Error, or what a callback threw.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <new>
#include <string>
#include <typeinfo>
#include <vector>

#include "sd35/sd35.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/pipeline/bf16_model.h"

#ifndef SD35_TSAN  // whose own operator new cannot be replaced
namespace {

// Small ones, which no system refuses, end the process if they fail in destructors of other libraries.
constexpr std::size_t kCounted = 16 << 10;
// Of the calling thread's allocations this many succeed, then one fails; negative: all succeed.
thread_local int allocations_left = -1;

// Of exactly this many bytes, so that sanitizers see reads beyond them.
void* allocate_or_fail(std::size_t bytes, std::size_t alignment) {
  if (bytes >= kCounted && allocations_left >= 0 && allocations_left-- == 0) throw std::bad_alloc();
  void* memory = nullptr;
  if (posix_memalign(&memory, alignment, std::max<std::size_t>(bytes, 1)) != 0) throw std::bad_alloc();
  return memory;
}

}  // namespace

// Not inlined: GCC would see one half of a pair only, and call it a mismatch.
[[gnu::noinline]] void* operator new(std::size_t bytes) {
  return allocate_or_fail(bytes, alignof(std::max_align_t));
}
[[gnu::noinline]] void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return allocate_or_fail(bytes, static_cast<std::size_t>(alignment));
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}
#endif

namespace sd35 {
namespace {

GenerateOptions one_step() {
  GenerateOptions options;
  options.width = options.height = 16;
  options.num_inference_steps = 1;
  options.max_sequence_length = 16;
  return options;
}

#ifndef SD35_TSAN
// Calls `body` again and again, each time with a later allocation that fails, until it ends before that.
// Counts the calls that a failed allocation ended; all of those must throw an Error.
int calls_out_of_memory(const std::function<void()>& body) {
  int ended = 0;
  for (int before = 0;; before += before / 4 + 1) {
    std::string said = "nothing thrown";
    allocations_left = before;
    try {
      body();
    } catch (const Error& error) {
      said = error.what();
    } catch (const std::exception& error) {
      allocations_left = -1;
      ADD_FAILURE() << "allocation " << before << ": " << typeid(error).name();
    }
    const bool failed = allocations_left < 0;
    allocations_left = -1;
    if (!failed) return ended;
    ended += said.find("out of memory") != said.npos ? 1 : 0;
  }
}

TEST(ErrorsTest, MemoryThatRunsOutIsAnError) {
  const TemporaryFolder folder;
  const std::filesystem::path out = folder / "out.png";
  const Picture picture{128, 128, std::vector<std::uint8_t>(128 * 128 * 3), {}};
  EXPECT_GT(calls_out_of_memory([&] { save(picture, out); }), 0);
  EXPECT_GT(calls_out_of_memory([&] { save_as_new(picture, out); }), 0);
  EXPECT_GT(calls_out_of_memory([&] { encode(picture); }), 0);
  Pipeline pipeline = Pipeline::from_pretrained(bf16_model().string());
  GenerateOptions options = one_step();
  options.prompt = std::string(kCounted, 'a');  // what is copied is allocated
  EXPECT_GT(calls_out_of_memory([&] { pipeline.completed(options); }), 0);
  EXPECT_GT(calls_out_of_memory([&] { pipeline.generate(options); }), 0);
}

#endif

TEST(ErrorsTest, WhatACallbackThrowsComesOutAsItIs) {
  struct Own {};
  Pipeline pipeline = Pipeline::from_pretrained(bf16_model().string());
  Callbacks callbacks;
  callbacks.on_progress = [](const Progress&) -> bool { throw Own(); };
  EXPECT_THROW(pipeline.generate(one_step(), callbacks), Own);
  callbacks.on_progress = nullptr;
  callbacks.on_picture = [](const Picture&, int) { throw std::bad_alloc(); };
  EXPECT_THROW(pipeline.generate(one_step(), callbacks), std::bad_alloc);
  callbacks.on_picture = [](const Picture&, int) { throw std::filesystem::filesystem_error("", {}); };
  EXPECT_THROW(pipeline.generate(one_step(), callbacks), std::filesystem::filesystem_error);
}

}  // namespace
}  // namespace sd35
