// The safetensors format: u64 header length, a JSON header, raw tensors. Read as hostile, written atomically.
// Reference: https://github.com/huggingface/safetensors, README "Format".
#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/atomic_file.h"
#include "core/file_reader.h"
#include "core/tensor.h"
#include "weights/files/tensor_file_writer.h"
#include "weights/source.h"

namespace sd35 {

struct SafetensorsFile {
  StoredTensors tensors;  // mapped, under the names of the file
  std::map<std::string, std::string> metadata;
};

// Maps `path` and reads its header. Throws FileError, naming the file and the tensor and saying what the file
// is if its first bytes show it, for anything the format forbids: a header beyond the file or 100 MB, invalid
// JSON or UTF-8, a duplicate or unknown field, a type that is not one of F64 F32 F16 BF16 F8_E4M3 F8_E5M2 I64
// I32 I16 I8 U8 BOOL (U16 U32 U64 C64 F8_E8M0 become others of their size), sizes that overflow or do not fit
// their offsets, overlapping tensors, and bytes that belong to no tensor. `if_cut`: what to do about a file
// that is cut off; pass other words (or none) for files that this program makes.
inline constexpr std::string_view kDownloadAgain = "download it again";
SafetensorsFile read_safetensors(const std::filesystem::path& path, std::string_view if_cut = kDownloadAgain);

// Reads every shard that `index` (*.safetensors.index.json) names; shards lie in its folder. An index that is
// wrong about where tensors are is a warning: what counts is where they are found. Throws FileError, as above
// and when a shard is missing or two shards hold one tensor.
SafetensorsFile read_sharded_safetensors(const std::filesystem::path& index,
                                         const WarningFunction& warn = {});

struct SafetensorsEntry {
  std::string name;
  DType dtype = DType::f32;
  Shape shape;

  // Of the tensor's elements.
  std::size_t bytes() const { return static_cast<std::size_t>(shape.numel()) * size_of(dtype); }
};

// Writes one file, tensor by tensor. The same tensors and metadata give the same bytes, whatever the order of
// `entries`: wide types come first (so that every tensor is aligned), then by name.
class SafetensorsWriter {
 public:
  // "format": "pt" is what transformers and diffusers expect of a file. Throws ArgumentError for a duplicate
  // name, a name that is not UTF-8 or no name at all ("__metadata__"), FileError when the file cannot be
  // made.
  SafetensorsWriter(const std::filesystem::path& path, std::vector<SafetensorsEntry> entries,
                    const std::map<std::string, std::string>& metadata = {{"format", "pt"}});

  // In the order in which write() takes them.
  const std::vector<SafetensorsEntry>& entries() const { return entries_; }
  // The next bytes of tensor `name`; a tensor may come in pieces. Throws Error when it is not the turn of
  // `name` or the bytes are more than it has, FileError when the disk is full.
  void write(const std::string& name, std::span<const std::byte> bytes) { file_.write(name, bytes); }
  // Puts the file in place. Throws Error when bytes are missing, ArgumentError for an existing file that is
  // not to be replaced, FileError as above.
  void commit(Existing existing = Existing::replaced) { file_.commit(existing); }

 private:
  TensorFileWriter file_;
  std::vector<SafetensorsEntry> entries_;
};

// A whole file at once.
void write_safetensors(const std::filesystem::path& path, const std::map<std::string, Tensor>& tensors,
                       const std::map<std::string, std::string>& metadata = {{"format", "pt"}});

}  // namespace sd35
