#include <unistd.h>

#include <fstream>

#include "core/buffer_pool.h"
#include "tests/unit/weights/weight_files.h"
#include "weights/files/safetensors.h"

namespace sd35 {
namespace {

// Bytes of this process that lie in memory.
std::int64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::int64_t total = 0, resident = 0;
  file >> total >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

StoredTensor only_tensor(const std::filesystem::path& path) {
  return read_safetensors(path).tensors.begin()->second;
}

TEST(StoredTensor, OneSegmentIsAView) {
  const TemporaryFolder folder;
  write_safetensors(folder / "a", {{"t", numbered({2, 3})}});
  const StoredTensor stored = only_tensor(folder / "a");
  const Tensor tensor = stored.read();
  EXPECT_EQ(tensor.raw(), stored.segments[0].data());
}

TEST(StoredTensor, OutlivesTheSource) {
  const TemporaryFolder folder;
  const Tensor values = numbered({2, 3});
  write_safetensors(folder / "a", {{"t", values}});
  const Tensor tensor = only_tensor(folder / "a").read();  // the source is gone
  std::filesystem::remove(folder / "a");
  EXPECT_EQ(floats_of(tensor), floats_of(values));
}

TEST(StoredTensor, SegmentsAreCopiedInOrder) {
  const TemporaryFolder folder;
  write_safetensors(folder / "a", {{"t", Tensor::from(Shape{4}, std::vector<float>{1, 2, 3, 4})}});
  StoredTensor stored = only_tensor(folder / "a");
  const std::span<const std::byte> all = stored.segments[0];
  stored.segments = {all.subspan(8), all.first(8)};
  EXPECT_EQ(floats_of(stored.read()), (std::vector<float>{3, 4, 1, 2}));
  stored.scale = 0.5f;
  EXPECT_EQ(floats_of(stored.read()), (std::vector<float>{1.5f, 2, 0.5f, 1}));
}

TEST(StoredTensor, ScaleGivesF32) {
  const TemporaryFolder folder;
  Tensor fp8 = Tensor::from(Shape{3}, std::vector<float>{1, -2, 448}).to(DType::f8_e4m3);
  write_safetensors(folder / "a", {{"t", fp8}});
  StoredTensor stored = only_tensor(folder / "a");
  stored.scale = 0.25f;
  EXPECT_EQ(stored.read().dtype(), DType::f32);
  EXPECT_EQ(floats_of(stored.read()), (std::vector<float>{0.25f, -0.5f, 112}));
}

TEST(StoredTensor, UnalignedElementsAreCopied) {
  const TemporaryFolder folder;
  const std::string header = R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                             R"("t":{"dtype":"F32","shape":[2],"data_offsets":[1,9]}})";
  put_file(folder / "a", safetensors_bytes(header, 9));
  const Tensor tensor = read_safetensors(folder / "a").tensors.at("t").read();
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(tensor.raw()) % sizeof(float), 0u);
  EXPECT_EQ(floats_of(tensor), (std::vector<float>{0, 0}));
}

TEST(StoredTensor, PagesGoWithTheLastTensor) {
  constexpr std::int64_t kElements = 16 << 20, kBytes = kElements * 4;
  const TemporaryFolder folder;
  {
    SafetensorsWriter writer(folder / "a", {{"t", DType::f32, {kElements}}});
    const std::vector<std::byte> piece(kBytes / 16, std::byte{1});
    for (int i = 0; i < 16; ++i) writer.write("t", piece);
    writer.commit();
  }
  const StoredTensor stored = only_tensor(folder / "a");
  const auto touch = [](const Tensor& tensor) {
    float sum = 0;
    for (std::int64_t i = 0; i < tensor.numel(); i += 256)
      sum += tensor.floats()[static_cast<std::size_t>(i)];
    return sum;
  };
  const std::int64_t before = resident_bytes();
  {
    const Tensor tensor = stored.read();
    EXPECT_GT(touch(tensor), 0);
    {
      const Tensor view = tensor.rows(0, 10);  // shares the storage: its end releases nothing
    }
    EXPECT_GT(resident_bytes() - before, kBytes / 2);
  }
  EXPECT_LT(resident_bytes() - before, kBytes / 8);
  EXPECT_GT(touch(stored.read()), 0);  // released pages are read again
  StoredTensor halves = stored;
  halves.segments = {stored.segments[0].subspan(kBytes / 2), stored.segments[0].first(kBytes / 2)};
  {
    const Tensor copy = halves.read();
    EXPECT_LT(resident_bytes() - before, kBytes + kBytes / 8);  // the copy alone
    EXPECT_GT(touch(copy), 0);
  }
  trim_pool();
}

}  // namespace
}  // namespace sd35
