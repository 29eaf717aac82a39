#include "core/tensor_cache_segment.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <vector>

#include "core/error.h"
#include "core/messages.h"

namespace sd35 {
namespace {

constexpr std::array<char, 8> kSegmentMagic = {'s', 'd', '3', '5', 't', 'c', '1', '\n'};
constexpr std::array<char, 4> kRecordMagic = {'r', 'e', 'c', '\n'};
constexpr std::uint64_t kMaxIdentity = 1 << 16;

struct SegmentHead {
  std::array<char, 8> magic;
  std::uint64_t identity_bytes;
  Hash128 identity_hash;
};

struct RecordHead {
  std::array<char, 4> magic;
  std::uint32_t key_bytes;
  std::uint32_t rank;
  std::uint32_t zero;
  std::array<char, 8> dtype;
  std::uint64_t value_bytes;
  Hash128 value_hash;
  std::uint64_t check;  // of all before, the key and the dimensions
};
static_assert(sizeof(SegmentHead) == 32 && sizeof(RecordHead) == 56);

template <class T>
std::span<const std::byte> bytes_of(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

std::span<const std::byte> values_of(const Tensor& tensor) {
  return {static_cast<const std::byte*>(tensor.raw()), tensor.bytes()};
}

std::uint64_t check_of(const RecordHead& head, std::span<const std::byte> key_and_dims) {
  Hasher128 hasher;
  hasher.add(bytes_of(head).first(offsetof(RecordHead, check)));
  hasher.add(key_and_dims);
  return hasher.digest().low;
}

std::optional<DType> dtype_of_name(const std::array<char, 8>& name) {
  const auto end = std::ranges::find(name, '\0');
  try {
    return dtype_from_name({name.data(), static_cast<std::size_t>(end - name.begin())});
  } catch (const ArgumentError&) {
    return std::nullopt;
  }
}

// Whether a tensor of these dimensions has this many bytes.
bool fits(const std::vector<std::int64_t>& dims, DType dtype, std::uint64_t bytes) {
  auto count = static_cast<std::int64_t>(size_of(dtype));
  for (const std::int64_t dim : dims)
    if (dim < 0 || __builtin_mul_overflow(count, dim, &count)) return false;
  return static_cast<std::uint64_t>(count) == bytes;
}

}  // namespace

std::optional<std::uint64_t> read_segment_head(const FileReader& file, const std::string& identity) {
  SegmentHead head;
  if (file.size() < sizeof head) return std::nullopt;
  file.read(0, std::as_writable_bytes(std::span(&head, 1)));
  if (head.magic != kSegmentMagic || head.identity_bytes != identity.size() ||
      head.identity_hash != hash128(identity) || head.identity_bytes > file.size() - sizeof head)
    return std::nullopt;
  const std::vector<std::byte> stored = file.read(sizeof head, head.identity_bytes);
  if (!std::ranges::equal(stored, std::as_bytes(std::span(identity)))) return std::nullopt;
  return sizeof head + head.identity_bytes;
}

std::optional<TensorCacheRecord> read_record(const FileReader& file, std::uint64_t offset) {
  // One read brings the head with nearly every key.
  std::array<std::byte, 512> start;
  const std::size_t count = file.read_some(offset, start);
  RecordHead head;
  if (count < sizeof head) return std::nullopt;
  std::memcpy(&head, start.data(), sizeof head);
  if (head.magic != kRecordMagic || head.key_bytes > kMaxCacheKey || head.rank > kMaxCacheRank)
    return std::nullopt;

  const std::size_t names = head.key_bytes + head.rank * sizeof(std::int64_t);
  std::vector<std::byte> key_and_dims(names);
  if (sizeof head + names <= count) {
    std::copy_n(start.begin() + sizeof head, names, key_and_dims.begin());
  } else if (file.read_some(offset + sizeof head, key_and_dims) < names) {
    return std::nullopt;
  }
  if (head.check != check_of(head, key_and_dims)) return std::nullopt;

  TensorCacheRecord record;
  record.key.assign(reinterpret_cast<const char*>(key_and_dims.data()), head.key_bytes);
  std::vector<std::int64_t> dims(head.rank);
  std::ranges::copy(key_and_dims.begin() + head.key_bytes, key_and_dims.end(),
                    std::as_writable_bytes(std::span(dims)).begin());  // a scalar has no dims
  const std::optional<DType> dtype = dtype_of_name(head.dtype);
  if (!dtype || !fits(dims, *dtype, head.value_bytes)) return std::nullopt;
  record.dtype = *dtype;
  record.shape = Shape(std::move(dims));
  record.hash = head.value_hash;
  record.values = offset + sizeof head + names;
  if (record.values > file.size() || head.value_bytes > file.size() - record.values) return std::nullopt;
  record.end = record.values + head.value_bytes;
  return record;
}

std::optional<Tensor> read_values(const FileReader& file, const TensorCacheRecord& record) {
  Tensor tensor(record.shape, record.dtype);
  const std::span<std::byte> target(static_cast<std::byte*>(tensor.raw()), tensor.bytes());
  if (file.read_some(record.values, target) < target.size() || hash128(target) != record.hash)
    return std::nullopt;
  return tensor;
}

std::unique_ptr<TensorCacheSegment> TensorCacheSegment::create(const std::filesystem::path& path,
                                                               const std::string& identity) {
  if (identity.size() > kMaxIdentity)
    throw ArgumentError("the identity of a cache has " + std::to_string(identity.size()) +
                        " bytes; at most " + std::to_string(kMaxIdentity) + " fit");
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (descriptor < 0 && errno == EEXIST) return nullptr;
  if (descriptor < 0)
    throw FileError(
        "cannot write " + in_quotes(path.string()) + ": " + std::generic_category().message(errno), {}, path);
  std::unique_ptr<TensorCacheSegment> segment(new TensorCacheSegment(path.string(), descriptor));
  const SegmentHead head{kSegmentMagic, identity.size(), hash128(identity)};
  segment->write(bytes_of(head), std::as_bytes(std::span(identity)));
  return segment;
}

TensorCacheSegment::~TensorCacheSegment() { ::close(descriptor_); }

std::uint64_t TensorCacheSegment::append(const std::string& key, const Tensor& tensor) {
  const std::span<const std::int64_t> dims = tensor.shape().dims();
  RecordHead head{kRecordMagic,
                  static_cast<std::uint32_t>(key.size()),
                  static_cast<std::uint32_t>(dims.size()),
                  0,
                  {},
                  tensor.bytes(),
                  hash128(values_of(tensor)),
                  0};
  std::ranges::copy(name_of(tensor.dtype()), head.dtype.begin());
  std::vector<std::byte> start;
  const auto add = [&start](std::span<const std::byte> bytes) {
    start.insert(start.end(), bytes.begin(), bytes.end());
  };
  add(std::as_bytes(std::span(key)));
  add(std::as_bytes(dims));
  head.check = check_of(head, start);
  const std::span<const std::byte> head_bytes = bytes_of(head);
  start.insert(start.begin(), head_bytes.begin(), head_bytes.end());
  const std::uint64_t offset = end_;
  write(start, values_of(tensor));
  return offset;
}

void TensorCacheSegment::write(std::span<const std::byte> first, std::span<const std::byte> second) {
  std::uint64_t position = end_;
  for (std::span<const std::byte> bytes : {first, second})
    while (!bytes.empty()) {
      const ssize_t count = ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(position));
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) {
        const int error = count == 0 ? ENOSPC : errno;
        // If this fails too, the next record overwrites what remains of this one.
        [[maybe_unused]] const int ignored = ::ftruncate(descriptor_, static_cast<off_t>(end_));
        throw FileError("cannot write " + in_quotes(path_) + ": " + std::generic_category().message(error),
                        {}, path_);
      }
      bytes = bytes.subspan(static_cast<std::size_t>(count));
      position += static_cast<std::uint64_t>(count);
    }
  end_ = position;
}

}  // namespace sd35
