#include "core/tensor_cache.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <thread>

#include "core/error.h"
#include "core/hash128.h"
#include "tests/support/file_bytes.h"
#include "tests/support/temporary_folder.h"

namespace sd35 {
namespace {

namespace fs = std::filesystem;

Tensor numbers(std::int64_t count, float first) {
  Tensor tensor({count}, DType::f32);
  for (std::int64_t i = 0; i < count; ++i) tensor.data<float>()[i] = first + static_cast<float>(i);
  return tensor;
}

bool equal(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && a.dtype() == b.dtype() && std::memcmp(a.raw(), b.raw(), a.bytes()) == 0;
}

bool holds(TensorCache& cache, const std::string& key, const Tensor& tensor) {
  const std::optional<Tensor> found = cache.find(key);
  return found && equal(*found, tensor);
}

std::vector<fs::path> segments(const fs::path& folder) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.path().extension() == ".segment") found.push_back(entry.path());
  std::ranges::sort(found);
  return found;
}

TEST(TensorCache, KeepsTensorsOfAllKinds) {
  const TemporaryFolder folder;
  const Tensor half = numbers(1000, 0.5f).to(DType::f16).reshape({10, 4, 25});
  const std::string odd_key("k\0\n\xff", 4), long_key(4096, 'k');
  {
    TensorCache cache(folder.path(), "model 1");
    EXPECT_EQ(cache.find("a"), std::nullopt);
    cache.put("a", numbers(5, 1));
    cache.put("half", half);
    cache.put("empty", Tensor({3, 0, 2}, DType::bf16));
    cache.put("scalar", numbers(1, 7).reshape(Shape{}));
    cache.put(odd_key, numbers(2, 3));
    cache.put(long_key, numbers(3, 3));
    EXPECT_TRUE(holds(cache, "a", numbers(5, 1)));
    EXPECT_TRUE(holds(cache, long_key, numbers(3, 3)));
  }
  TensorCache cache(folder.path(), "model 1");
  EXPECT_EQ(cache.size(), 6u);
  EXPECT_TRUE(cache.contains("half"));
  EXPECT_FALSE(cache.contains("b"));
  EXPECT_TRUE(holds(cache, "a", numbers(5, 1)));
  EXPECT_TRUE(holds(cache, "half", half));
  EXPECT_TRUE(holds(cache, "empty", Tensor({3, 0, 2}, DType::bf16)));
  EXPECT_TRUE(holds(cache, "scalar", numbers(1, 7).reshape(Shape{})));
  EXPECT_TRUE(holds(cache, odd_key, numbers(2, 3)));
  EXPECT_TRUE(holds(cache, long_key, numbers(3, 3)));
  EXPECT_EQ(segments(folder.path()).size(), 1u);  // reading makes none
}

TEST(TensorCache, AnotherIdentityIsAnotherCache) {
  const TemporaryFolder folder;
  TensorCache first(folder.path(), "weights A"), second(folder.path(), "weights B");
  first.put("a", numbers(5, 1));
  second.put("a", numbers(5, 2));
  EXPECT_TRUE(holds(first, "a", numbers(5, 1)));
  EXPECT_TRUE(holds(second, "a", numbers(5, 2)));
  EXPECT_EQ(TensorCache(folder.path(), "weights C").size(), 0u);
  // A segment of another identity that lies here is not read.
  const std::vector<fs::path> files = segments(folder.path());
  ASSERT_EQ(files.size(), 2u);
  fs::copy_file(files[0], files[1].parent_path() / "000007.segment");
  fs::copy_file(files[1], files[0].parent_path() / "000007.segment");
  TensorCache again(folder.path(), "weights A");
  EXPECT_TRUE(holds(again, "a", numbers(5, 1)));
}

TEST(TensorCache, NewerTensorOfAKeyIsFound) {
  const TemporaryFolder folder;
  TensorCache first(folder.path(), "m");
  first.put("a", numbers(5, 1));
  first.put("a", numbers(6, 2));
  EXPECT_TRUE(holds(first, "a", numbers(6, 2)));
  TensorCache second(folder.path(), "m");
  second.put("a", numbers(7, 3));
  TensorCache third(folder.path(), "m");
  EXPECT_TRUE(holds(third, "a", numbers(7, 3)));
}

TEST(TensorCache, CutAnywhereOnlyTheLastRecordIsLost) {
  const TemporaryFolder folder;
  std::uintmax_t before = 0;
  {
    TensorCache cache(folder.path(), "m");
    cache.put("first", numbers(20, 1));
    cache.put("second", numbers(30, 2));
    before = fs::file_size(segments(folder.path())[0]);
    cache.put("last", numbers(25, 3));
  }
  const fs::path segment = segments(folder.path())[0];
  const std::string whole = file_bytes(segment);
  for (std::size_t size = before; size <= whole.size(); ++size) {
    put_file(segment, whole.substr(0, size));
    TensorCache cache(folder.path(), "m");
    ASSERT_EQ(cache.size(), size == whole.size() ? 3u : 2u) << size;
    ASSERT_TRUE(holds(cache, "first", numbers(20, 1)) && holds(cache, "second", numbers(30, 2)));
    if (size % 16 == 0) {  // what follows goes to a segment of its own, past the damage
      cache.put("last", numbers(25, 4));
      TensorCache reopened(folder.path(), "m");
      ASSERT_TRUE(holds(reopened, "last", numbers(25, 4)));
      fs::remove(segments(folder.path()).back());
    }
  }
  for (std::size_t size = 0; size < before; ++size) {  // never wrong values, and no crash
    put_file(segment, whole.substr(0, size));
    TensorCache cache(folder.path(), "m");
    ASSERT_EQ(cache.find("last"), std::nullopt);
    const std::optional<Tensor> first = cache.find("first");
    ASSERT_TRUE(!first || equal(*first, numbers(20, 1)));
  }
}

TEST(TensorCache, AnyFlippedBitReadsAsAbsent) {
  const TemporaryFolder folder;
  {
    TensorCache cache(folder.path(), "m");
    cache.put("a", numbers(20, 1));
    cache.put("b", numbers(30, 2));
  }
  const fs::path segment = segments(folder.path())[0];
  const std::string whole = file_bytes(segment);
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << at % 8));
    put_file(segment, damaged);
    TensorCache cache(folder.path(), "m");
    const std::optional<Tensor> a = cache.find("a"), b = cache.find("b");
    ASSERT_TRUE(!a || equal(*a, numbers(20, 1))) << at;
    ASSERT_TRUE(!b || equal(*b, numbers(30, 2))) << at;
    ASSERT_FALSE(a && b) << at;
  }
}

TEST(TensorCache, DamagedValuesAreReportedOnceAndReplaced) {
  const TemporaryFolder folder;
  TensorCache(folder.path(), "m").put("a", numbers(20, 1));
  const fs::path segment = segments(folder.path())[0];
  std::string bytes = file_bytes(segment);
  bytes.back() = static_cast<char>(bytes.back() ^ 0x40);
  put_file(segment, bytes);
  std::vector<std::string> lines;
  {
    TensorCache cache(folder.path(), "m", [&](const std::string& line) { lines.push_back(line); });
    EXPECT_TRUE(cache.contains("a"));
    EXPECT_EQ(cache.find("a"), std::nullopt);
    EXPECT_EQ(cache.find("a"), std::nullopt);
    EXPECT_FALSE(cache.contains("a"));
    cache.put("a", numbers(20, 1));
  }
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0], "'" + segment.string() + "': the tensor of 'a' is damaged and left out");
  TensorCache cache(folder.path(), "m");
  EXPECT_TRUE(holds(cache, "a", numbers(20, 1)));
}

TEST(TensorCache, HostileHeadsNeitherCrashNorAllocate) {
  const TemporaryFolder folder;
  TensorCache(folder.path(), "m").put("a", numbers(4, 1));
  const fs::path segment = segments(folder.path())[0];
  const std::string whole = file_bytes(segment);
  const std::size_t record = 32 + 1;
  for (std::size_t at = record; at < record + 56; ++at)
    for (const char value : {'\xff', '\x7f', '\0'}) {
      std::string damaged = whole;
      damaged[at] = value;
      if (damaged == whole) continue;
      put_file(segment, damaged);
      TensorCache cache(folder.path(), "m");
      EXPECT_EQ(cache.find("a"), std::nullopt) << at;
    }
}

// All products of dimensions must fit, also those that a later 0 hides.
TEST(TensorCache, TooManyElementsTimesNoneAreDamage) {
  const TemporaryFolder folder;
  TensorCache(folder.path(), "m").put("a", Tensor({2, 3, 0}, DType::f32));
  const fs::path segment = segments(folder.path())[0];
  std::string bytes = file_bytes(segment);
  constexpr std::size_t record = 32 + 1, check = record + 48, key = record + 56, dims = key + 1;
  const std::array<std::int64_t, 3> many{std::int64_t{1} << 62, std::int64_t{1} << 62, 0};
  std::memcpy(bytes.data() + dims, many.data(), sizeof many);
  Hasher128 hasher;
  hasher.add(std::string_view(bytes).substr(record, check - record));
  hasher.add(std::string_view(bytes).substr(key));
  const std::uint64_t hash = hasher.digest().low;
  std::memcpy(bytes.data() + check, &hash, sizeof hash);
  put_file(segment, bytes);
  EXPECT_FALSE(TensorCache(folder.path(), "m").contains("a"));
}

TEST(TensorCache, SeveralWritersReadEachOther) {
  const TemporaryFolder folder;
  TensorCache first(folder.path(), "m"), second(folder.path(), "m");
  first.put("a", numbers(5, 1));
  second.put("b", numbers(5, 2));
  EXPECT_EQ(segments(folder.path()).size(), 2u);
  EXPECT_FALSE(second.contains("a"));
  second.refresh();
  EXPECT_TRUE(holds(second, "a", numbers(5, 1)));
  first.put("c", numbers(5, 3));
  second.refresh();
  EXPECT_TRUE(holds(second, "c", numbers(5, 3)));
  EXPECT_TRUE(holds(second, "b", numbers(5, 2)));
  first.refresh();
  EXPECT_EQ(first.size(), 3u);
}

TEST(TensorCache, ThreadsMayPutAndFind) {
  const TemporaryFolder folder;
  TensorCache cache(folder.path(), "m");
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&cache, t] {
        for (int i = 0; i < 50; ++i) {
          const int number = t * 50 + i;
          cache.put(std::to_string(number), numbers(10 + number, static_cast<float>(number)));
          EXPECT_TRUE(holds(cache, std::to_string(number), numbers(10 + number, static_cast<float>(number))));
          cache.refresh();
        }
      });
  }
  TensorCache reopened(folder.path(), "m");
  EXPECT_EQ(reopened.size(), 200u);
  for (int number = 0; number < 200; ++number)
    EXPECT_TRUE(holds(reopened, std::to_string(number), numbers(10 + number, static_cast<float>(number))));
}

TEST(TensorCache, KilledWriterLosesAtMostItsLastRecord) {
  const TemporaryFolder folder;
  for (int round = 0; round < 5; ++round) {
    int progress[2];
    ASSERT_EQ(::pipe(progress), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      TensorCache cache(folder.path(), "m");
      for (int i = 0;; ++i) {
        cache.put(std::to_string(round) + "/" + std::to_string(i), numbers(20000, static_cast<float>(i)));
        if (::write(progress[1], "x", 1) != 1) ::_exit(1);
      }
    }
    ::close(progress[1]);
    char done[64];
    int written = 0;
    while (written < 20 + 7 * round) {
      const ssize_t count = ::read(progress[0], done, sizeof done);
      ASSERT_GT(count, 0);
      written += static_cast<int>(count);
    }
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    for (ssize_t count = 0; (count = ::read(progress[0], done, sizeof done)) > 0;)
      written += static_cast<int>(count);
    ::close(progress[0]);
    TensorCache cache(folder.path(), "m");
    for (int i = 0; i < written; ++i)
      ASSERT_TRUE(holds(cache, std::to_string(round) + "/" + std::to_string(i),
                        numbers(20000, static_cast<float>(i))));
  }
}

// A limit on the size of files stands for a full disk.
TEST(TensorCache, FullDiskIsAnErrorThatLeavesTheCacheAsItWas) {
  const TemporaryFolder folder;
  TensorCache cache(folder.path(), "m");
  cache.put("a", numbers(100, 1));
  const std::uintmax_t size = fs::file_size(segments(folder.path())[0]);
  rlimit old{};
  ::getrlimit(RLIMIT_FSIZE, &old);
  auto* const old_handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{static_cast<rlim_t>(size + 200), old.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  EXPECT_THROW(cache.put("b", numbers(100, 2)), FileError);
  ::setrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, old_handler);
  EXPECT_EQ(fs::file_size(segments(folder.path())[0]), size);
  EXPECT_FALSE(cache.contains("b"));
  EXPECT_TRUE(holds(cache, "a", numbers(100, 1)));
  cache.put("c", numbers(100, 3));
  TensorCache reopened(folder.path(), "m");
  EXPECT_EQ(reopened.size(), 2u);
  EXPECT_TRUE(holds(reopened, "c", numbers(100, 3)));
}

TEST(TensorCache, RefusesWhatCannotBe) {
  const TemporaryFolder folder;
  TensorCache cache(folder.path(), "m");
  EXPECT_THROW(cache.put("", numbers(1, 1)), ArgumentError);
  EXPECT_THROW(cache.put(std::string(4097, 'k'), numbers(1, 1)), ArgumentError);
  EXPECT_THROW(cache.put("a", Tensor()), ArgumentError);
  EXPECT_THROW(cache.put("a", numbers(1, 1).reshape({1, 1, 1, 1, 1, 1, 1, 1, 1})), ArgumentError);
  put_file(folder / "file", "x");
  EXPECT_THROW(TensorCache(folder / "file", "m"), FileError);
}

TEST(TensorCache, OfAnotherShapeOrTypeIsNotFound) {
  const TemporaryFolder folder;
  std::vector<std::string> warnings;
  TensorCache cache(folder.path(), "model", [&](const std::string& line) { warnings.push_back(line); });
  cache.put("a", numbers(6, 1).reshape({2, 3}));
  EXPECT_TRUE(cache.find("a", {2, 3}, DType::f32));
  EXPECT_FALSE(cache.find("b", {2, 3}, DType::f32));
  EXPECT_TRUE(warnings.empty());
  EXPECT_FALSE(cache.find("a", {3, 2}, DType::f32));
  EXPECT_FALSE(cache.find("a", {6}, DType::f32));
  EXPECT_FALSE(cache.find("a", {2, 3}, DType::f16));
  ASSERT_EQ(warnings.size(), 3u);
  EXPECT_NE(warnings[0].find("is f32 [2, 3] instead of f32 [3, 2] and left out"), std::string::npos);
}

TEST(TensorCache, SegmentsThatCannotBeReadAreLeftOutWithAWarning) {
  const TemporaryFolder folder;
  std::vector<std::string> warnings;
  const auto warn = [&](const std::string& line) { warnings.push_back(line); };
  TensorCache cache(folder.path(), "model", warn);
  cache.put("a", numbers(6, 1));
  const fs::path segment = segments(folder.path()).at(0);
  ASSERT_EQ(mkfifo((segment.parent_path() / "000002.segment").c_str(), 0600), 0);
  fs::create_directory(segment.parent_path() / "000003.segment");
  TensorCache other(folder.path(), "model", warn);
  EXPECT_EQ(warnings.size(), 2u);
  EXPECT_TRUE(holds(other, "a", numbers(6, 1)));
  fs::remove(segment);
  EXPECT_FALSE(cache.find("a"));
  EXPECT_EQ(warnings.size(), 3u);
  other.put("b", numbers(2, 1));
  EXPECT_TRUE(holds(other, "b", numbers(2, 1)));
}

TEST(TensorCache, EmptiedMeanwhileItFillsAgain) {
  const TemporaryFolder folder;
  std::vector<std::string> warnings;
  TensorCache cache(folder / "cache", "model", [&](const std::string& line) { warnings.push_back(line); });
  const auto put_all = [&] {
    for (const char* key : {"a", "b", "c"}) cache.put(key, numbers(6, 1));
  };
  put_all();
  fs::remove_all(folder / "cache");
  for (const char* key : {"a", "b", "c"}) EXPECT_FALSE(cache.find(key));
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_NE(warnings[0].find("000001.segment' was removed; what it held is computed again"),
            std::string::npos);
  put_all();
  TensorCache other(folder / "cache", "model");
  for (const char* key : {"a", "b", "c"}) {
    EXPECT_TRUE(holds(cache, key, numbers(6, 1)));
    EXPECT_TRUE(holds(other, key, numbers(6, 1)));
  }
}

TEST(TensorCache, FoldersThatNothingWasPutIntoVanish) {
  const TemporaryFolder folder;
  { TensorCache cache(folder / "new/cache", "model"); }
  EXPECT_EQ(folder.entries(), 0);
  { TensorCache(folder / "new/cache", "model").put("a", numbers(1, 1)); }
  EXPECT_EQ(folder.entries(), 1);
}

}  // namespace
}  // namespace sd35
