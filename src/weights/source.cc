#include "weights/source.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <system_error>

#include "core/error.h"

namespace sd35 {
namespace {

[[noreturn]] void fail(const std::string& path, const std::string& what) {
  throw FileError("cannot read '" + path + "': " + what);
}

std::string reason(int error) { return std::generic_category().message(error); }

std::size_t page_size() {
  static const auto size = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return size;
}

// Closes a descriptor at the end of the scope; the mapping outlives it.
struct Descriptor {
  int value;
  explicit Descriptor(int descriptor) : value(descriptor) {}
  ~Descriptor() {
    if (value >= 0) ::close(value);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
};

// Part of a mapped file as the memory of a tensor.
class MappedStorage : public Storage {
 public:
  // The mapping is read-only; tensors of weights are never written.
  MappedStorage(std::shared_ptr<const MappedFile> file, std::span<const std::byte> range)
      : Storage(const_cast<std::byte*>(range.data()), range.size()), file_(std::move(file)), range_(range) {}
  ~MappedStorage() override { file_->release(range_); }
  MappedStorage(const MappedStorage&) = delete;
  MappedStorage& operator=(const MappedStorage&) = delete;

 private:
  std::shared_ptr<const MappedFile> file_;
  std::span<const std::byte> range_;
};

}  // namespace

std::shared_ptr<const MappedFile> MappedFile::open(const std::string& path) {
  // O_NONBLOCK: a pipe without a writer must be refused below, not waited for.
  const Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (descriptor.value < 0) fail(path, reason(errno));
  struct stat status {};
  if (::fstat(descriptor.value, &status) != 0) fail(path, reason(errno));
  if (!S_ISREG(status.st_mode)) fail(path, "it is not a regular file");
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size == 0) return std::shared_ptr<const MappedFile>(new MappedFile(path, {}));
  void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor.value, 0);
  if (address == MAP_FAILED) fail(path, reason(errno));
  return std::shared_ptr<const MappedFile>(new MappedFile(path, {static_cast<std::byte*>(address), size}));
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

void MappedFile::release(std::span<const std::byte> range) const {
  // Pages on the border are shared with a neighbour: they stay.
  const std::size_t page = page_size(), begin = offset_of(range);
  const std::size_t first = (begin + page - 1) / page * page, last = (begin + range.size()) / page * page;
  if (first < last) ::madvise(const_cast<std::byte*>(bytes_.data() + first), last - first, MADV_DONTNEED);
}

void MappedFile::prefetch(std::span<const std::byte> range) const {
  if (range.empty()) return;
  const std::size_t page = page_size(), begin = offset_of(range);
  const std::size_t first = begin / page * page;
  ::madvise(const_cast<std::byte*>(bytes_.data() + first), begin + range.size() - first, MADV_WILLNEED);
}

Tensor StoredTensor::read() const {
  const bool aligned =
      segments.size() == 1 && reinterpret_cast<std::uintptr_t>(segments[0].data()) % size_of(dtype) == 0;
  if (aligned && scale == 1.0f) return {shape, dtype, std::make_shared<MappedStorage>(file, segments[0]), 0};

  Tensor tensor(shape, scale == 1.0f ? dtype : DType::f32);
  auto* target = static_cast<std::byte*>(tensor.raw());
  for (const std::span<const std::byte> segment : segments) {
    const std::size_t count = segment.size() / size_of(dtype);
    if (scale == 1.0f)
      std::memcpy(target, segment.data(), segment.size());
    else
      convert(segment.data(), dtype, target, DType::f32, count);
    target += count * size_of(tensor.dtype());
    file->release(segment);
  }
  if (scale != 1.0f)
    for (float *value = tensor.data<float>(), *end = value + tensor.numel(); value != end; ++value)
      *value *= scale;
  return tensor;
}

void StoredTensor::prefetch() const {
  for (const std::span<const std::byte> segment : segments) file->prefetch(segment);
}

std::vector<std::string> StoredWeights::names() const {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : tensors_) names.push_back(name);
  return names;
}

const StoredTensor* StoredWeights::find(std::string_view name) const {
  const auto it = tensors_.find(name);
  return it == tensors_.end() ? nullptr : &it->second;
}

}  // namespace sd35
