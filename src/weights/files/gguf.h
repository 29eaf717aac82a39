// GGUF files: read as hostile, mapped; written atomically.
// Reference: ggml, docs/gguf.md; names and shapes of diffusion models: ComfyUI-GGUF, convert.py and
// loader.py, and stable-diffusion.cpp, model.cpp.
#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "core/atomic_file.h"
#include "weights/files/gguf_header.h"
#include "weights/files/tensor_file_writer.h"
#include "weights/source.h"

namespace sd35 {

struct GgufFile {
  StoredTensors tensors;                        // mapped, under the names of the file
  std::map<std::string, std::string> metadata;  // as GgufHeader::metadata
};

// Whether `path` is a file that begins as GGUF files do.
bool is_gguf(const std::filesystem::path& path);

// Maps `path`. Throws FileError, naming the file and the tensor, for anything the format forbids
// (parse_gguf_header).
GgufFile read_gguf(const std::filesystem::path& path);

// The names and shapes that safetensors files have, whoever wrote the GGUF file: a T5 of llama.cpp
// ("enc.blk.0.attn_q.weight") gets the names of transformers, and the position table the dimension that ggml
// drops. Throws FileError when two
// tensors become one.
void restore_names(StoredTensors& tensors, const std::string& location);

// "enc.blk.0.attn_q.weight" of "encoder.block.0.layer.0.SelfAttention.q.weight", as llama.cpp calls the
// tensors of T5's encoder; the name itself if there is no other.
std::string llama_name(const std::string& name);

struct GgufEntry {
  std::string name;
  GgufType type = DType::f32;
  Shape shape;

  std::size_t bytes() const { return gguf_bytes(type, shape.numel()); }
};

// A value of metadata: u32 or string.
using GgufMetadata = std::map<std::string, std::variant<std::uint32_t, std::string>>;

// Writes one file of version 3, tensor by tensor, in the order of `entries`.
class GgufWriter {
 public:
  // Throws ArgumentError for a duplicate name and a type that GGUF lacks, FileError when the file cannot be
  // made.
  GgufWriter(const std::filesystem::path& path, std::vector<GgufEntry> entries, const GgufMetadata& metadata);

  const std::vector<GgufEntry>& entries() const { return entries_; }
  // The next bytes of tensor `name`; a tensor may come in pieces. Throws Error when it is not the turn of
  // `name` or the bytes are more than it has, FileError when the disk is full.
  void write(const std::string& name, std::span<const std::byte> bytes) { file_.write(name, bytes); }
  // Puts the file in place. Throws Error when bytes are missing, ArgumentError for an existing file that is
  // not to be replaced, FileError as above.
  void commit(Existing existing = Existing::replaced) { file_.commit(existing); }

 private:
  TensorFileWriter file_;
  std::vector<GgufEntry> entries_;
};

}  // namespace sd35
