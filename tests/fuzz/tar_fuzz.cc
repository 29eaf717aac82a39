// Reads the input as a tar archive, as a data set of one shard, as metadata of a folder, and as a segment of
// a tensor cache. Only Error may come out.
#include <cstdio>
#include <filesystem>
#include <string>

#include "core/tensor_cache.h"
#include "data/dataset.h"
#include "data/tar.h"
#include "tests/fuzz/allow_errors.h"
#include "tests/fuzz/input_file.h"
#include "tests/support/file_bytes.h"
#include "tests/support/temporary_folder.h"

namespace sd35 {
namespace {

void read_everything(const Dataset& data) {
  allow_errors([&] { data.check_captions(check_line); });
  for (std::int64_t i = 0; i < data.size(); ++i) {
    allow_errors([&] { (void)data.captions(i); });
    allow_errors([&] { (void)data.read_member(i, "json"); });
    if (std::int64_t{data.image_size(i).width} * data.image_size(i).height < 1 << 20)
      allow_errors([&] { (void)data.read_image(i); });
  }
}

void read_tar(const std::filesystem::path& path) {
  allow_errors([&] {
    const FileReader archive(path.string());
    for (const TarMember& member : read_tar_index(archive, check_line))
      (void)archive.read(member.offset, member.size);
  });
  allow_errors([&] { read_everything(*Dataset::open(path, check_line)); });
}

// The input with every block's checksum made right, so that changes to other fields get past it.
std::string sealed(std::string bytes) {
  constexpr std::size_t kBlock = 512, kChecksum = 148;
  for (std::size_t block = 0; block + kBlock <= bytes.size(); block += kBlock) {
    bytes.replace(block + kChecksum, 8, 8, ' ');
    unsigned sum = 0;
    for (std::size_t i = 0; i < kBlock; ++i) sum += static_cast<unsigned char>(bytes[block + i]);
    std::snprintf(bytes.data() + block + kChecksum, 8, "%06o", sum);
  }
  return bytes;
}

// The folder of a cache that has one record.
struct Cache {
  TemporaryFolder folder;
  std::filesystem::path segment;
  Cache() {
    TensorCache(folder.path(), "m").put("key", Tensor::zeros({2, 3}));
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.path()))
      if (entry.is_regular_file()) segment = entry.path();
  }
};

}  // namespace
}  // namespace sd35

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sd35;
  const std::string_view bytes = text_of(data, size);
  read_tar(InputFile(bytes).path());
  read_tar(InputFile(sealed(std::string(bytes))).path());

  static const TemporaryFolder metadata;
  put_file(metadata / "metadata.jsonl", std::string(bytes));
  allow_errors([&] { read_everything(*Dataset::open(metadata.path(), check_line)); });

  static const Cache cache;
  put_file(cache.segment, std::string(bytes));
  allow_errors([&] { (void)TensorCache(cache.folder.path(), "m", check_line).find("key"); });
  return 0;
}
