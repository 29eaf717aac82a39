// Tensors of a file to be written, each made when its turn comes.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "convert/format.h"
#include "core/location.h"
#include "weights/files/gguf.h"
#include "weights/source.h"

namespace sd35 {

// What the elements of a file's tensor are handed to, in order.
using Sink = std::function<void(std::span<const std::byte>)>;

// Rows of stored tensors, one after another; a row is what lies along the last dimension, and one element of
// a vector or a scalar.
class StoredRows {
 public:
  // Rows [begin, end) of the first dimension of `tensor`; all of it if it has no dimensions.
  void add(const std::string& name, const StoredTensor& tensor, std::int64_t begin, std::int64_t end);

  std::int64_t count() const { return count_; }
  std::int64_t width() const { return width_; }
  // Rows [begin, end) as f32.
  void read(std::int64_t begin, std::int64_t end, float* values) const;
  // Whether all of them are stored the same way, so that their bytes are those of one tensor.
  bool alike() const;
  // Whether the values of one are not its stored elements.
  bool encoded() const;
  // The bytes as they are stored.
  void copy(const Sink& sink) const;
  // Of the first tensor.
  const StoredTensor& front() const { return *runs_.at(0).tensor; }
  // Returns the pages of the file to the system.
  void release() const;
  // The first tensor, for messages: "tensor 'a' of /path/file".
  Location location() const;

 private:
  struct Run {
    const StoredTensor* tensor;
    std::int64_t first, count;  // rows of the tensor
  };
  std::string name_;
  std::vector<Run> runs_;
  std::int64_t count_ = 0, width_ = 1;
};

struct FileTensor {
  std::string name;
  GgufType type;  // safetensors: a DType
  Shape shape;
  std::function<void(const Sink&)> write;
};

// What a file holds for the weights `rows`, called `name`: one tensor, or several for formats with scales
// beside the weights (fp8, NF4). As stored: the same bytes, plain types that differ as f32. Throws
// ArgumentError for tensors of several rows that cannot be joined as they are stored; writing throws
// FileError for values that the format cannot hold.
std::vector<FileTensor> encode(const std::string& name, const Shape& shape, const StoredRows& rows,
                               const Format& format);

}  // namespace sd35
