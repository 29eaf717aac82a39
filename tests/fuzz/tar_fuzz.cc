// Reads the input as a tar archive, as a data set of one shard, as metadata of a folder, and as a segment of
// a tensor cache. Only Error may come out.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "core/error.h"
#include "data/dataset.h"
#include "data/tar.h"
#include "data/tensor_cache.h"
#include "tests/fuzz/input_file.h"
#include "tests/support/temporary_folder.h"

namespace sd35 {
namespace {

template <class Body>
void allow_errors(Body body) {
  try {
    body();
  } catch (const Error& error) {
    if (std::string(error.what()).find('\n') != std::string::npos) std::abort();  // messages are one line
  }
}

void check_line(const std::string& line) {
  if (line.find('\n') != std::string::npos) std::abort();
}

void read_everything(const Dataset& data) {
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

// The input with every block's checksum made right, so that changes of other fields get past it.
std::string sealed(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kBlock = 512, kChecksum = 148;
  std::string bytes(reinterpret_cast<const char*>(data), size);
  for (std::size_t block = 0; block + kBlock <= size; block += kBlock) {
    bytes.replace(block + kChecksum, 8, 8, ' ');
    unsigned sum = 0;
    for (std::size_t i = 0; i < kBlock; ++i) sum += static_cast<unsigned char>(bytes[block + i]);
    std::snprintf(bytes.data() + block + kChecksum, 8, "%06o", sum);
  }
  return bytes;
}

void overwrite(const std::filesystem::path& path, const std::uint8_t* data, std::size_t size) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
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
  const InputFile file(data, size);
  read_tar(file.path());
  const std::string with_checksums = sealed(data, size);
  read_tar(InputFile(reinterpret_cast<const std::uint8_t*>(with_checksums.data()), size).path());

  static const TemporaryFolder metadata;
  overwrite(metadata / "metadata.jsonl", data, size);
  allow_errors([&] { read_everything(*Dataset::open(metadata.path(), check_line)); });

  static const Cache cache;
  overwrite(cache.segment, data, size);
  allow_errors([&] { (void)TensorCache(cache.folder.path(), "m", check_line).find("key"); });
  return 0;
}
