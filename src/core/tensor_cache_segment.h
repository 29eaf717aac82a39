// One file of a tensor cache. All numbers are little-endian.
//
//   head:    "sd35tc1\n", u64 bytes of the identity, hash128 of the identity, the identity
//   records, one after another:
//            "rec\n", u32 bytes of the key, u32 dimensions, u32 0, the element type's name in 8 bytes (NULs
//            after it), u64 bytes of the tensor, hash128 of the tensor's bytes, u64 half of the hash128 of
//            all of this, the key and the dimensions; then the key, the dimensions (i64 each), the tensor
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "core/file_reader.h"
#include "core/hash128.h"
#include "core/tensor.h"

namespace sd35 {

inline constexpr std::size_t kMaxCacheKey = 4096;
inline constexpr int kMaxCacheRank = 8;

struct TensorCacheRecord {
  std::string key;
  DType dtype = DType::f32;
  Shape shape;
  Hash128 hash;              // of the values
  std::uint64_t values = 0;  // where they begin
  std::uint64_t end = 0;     // of the record
};

// Where the records begin. Nothing when the head is not complete yet, or belongs to another identity.
std::optional<std::uint64_t> read_segment_head(const FileReader& file, const std::string& identity);

// The record at `offset`. Nothing when it is damaged, or the file ends inside it. The values are not looked
// at.
std::optional<TensorCacheRecord> read_record(const FileReader& file, std::uint64_t offset);

// Nothing when the values are damaged.
std::optional<Tensor> read_values(const FileReader& file, const TensorCacheRecord& record);

// A segment being written.
class TensorCacheSegment {
 public:
  // Null when `path` exists. Throws FileError when it cannot be made.
  static std::unique_ptr<TensorCacheSegment> create(const std::filesystem::path& path,
                                                    const std::string& identity);
  ~TensorCacheSegment();
  TensorCacheSegment(const TensorCacheSegment&) = delete;
  TensorCacheSegment& operator=(const TensorCacheSegment&) = delete;

  // The offset of the record. Throws FileError when it cannot be written whole; the file is then as before.
  std::uint64_t append(const std::string& key, const Tensor& tensor);
  std::uint64_t end() const { return end_; }

 private:
  TensorCacheSegment(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}
  void write(std::span<const std::byte> first, std::span<const std::byte> second);

  std::string path_;
  int descriptor_;
  std::uint64_t end_ = 0;
};

}  // namespace sd35
