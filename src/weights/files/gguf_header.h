// The header of a GGUF file: metadata and the list of tensors. Read as hostile.
// Reference: ggml, docs/gguf.md (versions 2 and 3, little-endian).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "core/tensor.h"
#include "quant/gguf_blocks.h"

namespace sd35 {

// How the elements of a GGUF tensor are stored: one by one, or in blocks.
using GgufType = std::variant<DType, BlockType>;

// The number of a type in files; nothing for one without a number in GGUF (fp8).
std::optional<std::uint32_t> gguf_number(GgufType type);
// Bytes of one row of `elements`. Blocks must divide it.
std::size_t gguf_bytes(GgufType type, std::int64_t elements);

struct GgufHeader {
  struct Entry {
    GgufType type;
    Shape shape;                       // slowest dimension first, as everywhere here; in files it is last
    std::uint64_t begin = 0, end = 0;  // bytes after the header
  };
  std::map<std::string, Entry> tensors;
  // For a person: strings as they are, numbers, lists of a few numbers as "[1, 2]", longer ones as "32128
  // strings".
  std::map<std::string, std::string> metadata;
  std::uint64_t data_begin = 0;  // byte of the file that offsets count from
};

// Throws FileError naming `path` and the key or tensor for anything the format forbids: another version or
// byte order, sizes that overflow or go beyond the file, a type that is not known, rows that blocks do not
// divide, offsets that are not aligned, tensors that overlap.
GgufHeader parse_gguf_header(std::span<const std::byte> file, const std::string& path);

}  // namespace sd35
