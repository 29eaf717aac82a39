// Where weights come from: named tensors as they lie in files, under the names of the diffusers layout.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/file_state.h"
#include "core/tensor.h"
#include "quant/encoding.h"

namespace sd35 {

// A file mapped read-only. Its size is read once, when it is opened: a file that is cut short while it is
// mapped raises SIGBUS on the next read beyond its new end, as does a disk that fails. The library leaves the
// signal alone; a program that handles it asks mapped_file_at() for the name.
class MappedFile {
 public:
  // Throws FileError when `path` is not a regular file or cannot be opened or mapped.
  static std::shared_ptr<const MappedFile> open(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return bytes_; }
  const std::string& path() const { return path_; }
  // Whether path() is still this file, unchanged since it was opened.
  bool is_current() const;
  // Returns the whole pages inside `range` to the system; they are read again when touched.
  void release(std::span<const std::byte> range) const;
  // Asks the system to read `range` ahead.
  void prefetch(std::span<const std::byte> range) const;

 private:
  MappedFile(std::string path, std::span<const std::byte> bytes, const FileState& state)
      : path_(std::move(path)), bytes_(bytes), state_(state) {}

  // Of a range of bytes(), from the start of the file, which starts a page.
  std::size_t offset_of(std::span<const std::byte> range) const {
    return static_cast<std::size_t>(range.data() - bytes_.data());
  }

  std::string path_;
  std::span<const std::byte> bytes_;
  FileState state_;
};

// One tensor as stored: its elements are the segments one after another, row-major. More than one segment, a
// scale, or an encoding is for layouts or formats other than ours (halves that are swapped, rows of a fused
// projection, scaled fp8, blocks of 4 bits).
struct StoredTensor {
  DType dtype = DType::f32;  // of plain elements
  Shape shape;
  std::vector<std::span<const std::byte>> segments;  // of encoded elements: whole groups
  float scale = 1.0f;                                // value = stored value * scale
  std::shared_ptr<const Encoding> encoding;          // null: plain elements
  std::shared_ptr<const MappedFile> file;

  // Its values are not the stored elements themselves.
  bool encoded() const { return encoding != nullptr || scale != 1.0f; }
  // "bf16", "f8_e4m3 scaled", "q4_k", "nf4", ...
  std::string type_name() const;
  // Bytes of the segments.
  std::size_t bytes() const;

  // The elements as they are: shares the mapped file if one aligned segment allows it (its pages go back to
  // the system with the last tensor that uses them), else a copy. Encoded ones become `unpacked`, a float
  // type.
  Tensor read(DType unpacked = DType::f32) const;
  // Elements [first, first + count) as f32, from any thread; multiples of the encoding's group.
  void read_values(std::int64_t first, std::int64_t count, float* values) const;
  // Asks the system to read the elements ahead.
  void prefetch() const;
};

using StoredTensors = std::map<std::string, StoredTensor, std::less<>>;

// The tensors of one component.
class WeightSource {
 public:
  virtual ~WeightSource() = default;
  // Every tensor that a model must bind, sorted.
  virtual std::vector<std::string> names() const = 0;
  // Null when there is none with this name.
  virtual const StoredTensor* find(std::string_view name) const = 0;
  // The file or folder, for messages.
  virtual const std::string& location() const = 0;
  // `weight`, just read from the tensors `names` (stacked where they are several), as a model must have it:
  // here low-rank updates are added, before anything is converted or packed.
  virtual Tensor adjusted(const std::vector<std::string>& /*names*/, Tensor weight) const { return weight; }
  // Whether adjusted() may change the tensors `names`.
  virtual bool adjusts(const std::vector<std::string>& /*names*/) const { return false; }
};

// A source that holds its tensors in a map.
class StoredWeights : public WeightSource {
 public:
  // `origin`: what must live as long as this.
  StoredWeights(std::string location, StoredTensors tensors, std::shared_ptr<const void> origin = nullptr)
      : location_(std::move(location)), tensors_(std::move(tensors)), origin_(std::move(origin)) {}
  std::vector<std::string> names() const override;
  const StoredTensor* find(std::string_view name) const override;
  const std::string& location() const override { return location_; }

 private:
  std::string location_;
  StoredTensors tensors_;
  std::shared_ptr<const void> origin_;
};

}  // namespace sd35
