#include "weights/source.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <system_error>

#include "core/error.h"
#include "core/mapped_places.h"
#include "core/threads.h"

namespace sd35 {
namespace {

[[noreturn]] void fail(const std::string& path, const std::string& what) {
  throw FileError("cannot read '" + path + "': " + what, {}, path);
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

std::int64_t elements_of(const StoredTensor& tensor, std::span<const std::byte> segment) {
  const auto bytes = static_cast<std::int64_t>(segment.size());
  if (tensor.encoding == nullptr) return bytes / static_cast<std::int64_t>(size_of(tensor.dtype));
  return bytes / tensor.encoding->group_bytes() * tensor.encoding->group_elements();
}

// The values of all elements as `dtype`, a few rows at a time on each thread.
void unpack(const StoredTensor& tensor, std::byte* target, DType dtype) {
  constexpr std::int64_t kElements = 1 << 15;  // of a part: fits a cache
  const std::int64_t total = tensor.shape.numel(), row = tensor.shape.rank() == 0 ? 1 : tensor.shape[-1];
  if (total == 0) return;
  const std::int64_t rows = std::max<std::int64_t>(1, kElements / row);
  parallel_for(total / row, rows, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> values(static_cast<std::size_t>(rows * row));
    for (std::int64_t at = begin; at < end; at += rows) {
      const std::int64_t count = (std::min(end, at + rows) - at) * row;
      tensor.read_values(at * row, count, values.data());
      convert(values.data(), DType::f32, target + static_cast<std::size_t>(at * row) * size_of(dtype), dtype,
              static_cast<std::size_t>(count));
    }
  });
}

}  // namespace

std::shared_ptr<const MappedFile> MappedFile::open(const std::string& path) {
  // O_NONBLOCK: a pipe without a writer must be refused below, not waited for.
  const Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (descriptor.value < 0) fail(path, reason(errno));
  struct stat status {};
  if (::fstat(descriptor.value, &status) != 0) fail(path, reason(errno));
  if (!S_ISREG(status.st_mode)) fail(path, "it is not a regular file");
  const auto size = static_cast<std::size_t>(status.st_size);
  const FileState state(status);
  if (size == 0) return std::shared_ptr<const MappedFile>(new MappedFile(path, {}, state));
  void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor.value, 0);
  if (address == MAP_FAILED) fail(path, reason(errno));
  const std::span<const std::byte> bytes(static_cast<std::byte*>(address), size);
  add_mapped_place(bytes, path);
  return std::shared_ptr<const MappedFile>(new MappedFile(path, bytes, state));
}

bool MappedFile::is_current() const { return file_state(path_) == state_; }

MappedFile::~MappedFile() {
  if (bytes_.empty()) return;
  remove_mapped_place(bytes_);
  ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
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

std::string StoredTensor::type_name() const {
  if (encoding != nullptr) return std::string(encoding->name());
  return std::string(name_of(dtype)) + (scale == 1.0f ? "" : " scaled");
}

std::size_t StoredTensor::bytes() const {
  std::size_t sum = 0;
  for (const std::span<const std::byte> segment : segments) sum += segment.size();
  return sum;
}

Tensor StoredTensor::read(DType unpacked) const {
  const bool aligned =
      segments.size() == 1 && reinterpret_cast<std::uintptr_t>(segments[0].data()) % size_of(dtype) == 0;
  if (aligned && !encoded()) return {shape, dtype, std::make_shared<MappedStorage>(file, segments[0]), 0};

  Tensor tensor(shape, encoded() ? unpacked : dtype);
  auto* target = static_cast<std::byte*>(tensor.raw());
  if (encoded()) {
    unpack(*this, target, unpacked);
  } else {
    for (const std::span<const std::byte> segment : segments) {
      std::memcpy(target, segment.data(), segment.size());
      target += segment.size();
    }
  }
  for (const std::span<const std::byte> segment : segments) file->release(segment);
  return tensor;
}

void StoredTensor::read_values(std::int64_t first, std::int64_t count, float* values) const {
  for (const std::span<const std::byte> segment : segments) {
    const std::int64_t elements = elements_of(*this, segment);
    const std::int64_t here = std::clamp(elements - first, std::int64_t{0}, count);
    if (here > 0) {
      if (encoding != nullptr)
        encoding->decode(segment, first, here, values);
      else
        convert(segment.data() + static_cast<std::size_t>(first) * size_of(dtype), dtype, values, DType::f32,
                static_cast<std::size_t>(here));
      if (scale != 1.0f) std::for_each(values, values + here, [this](float& value) { value *= scale; });
      values += here;
      count -= here;
    }
    first = std::max(first - elements, std::int64_t{0});
  }
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
