#include "weights/files/gguf.h"

#include <array>
#include <string_view>

#include "core/error.h"
#include "core/file_reader.h"

namespace sd35 {

bool is_gguf(const std::filesystem::path& path) {
  try {
    const FileReader file(path.string());  // not a pipe or a device: reading those would wait
    std::array<char, 4> magic{};
    file.read(0, std::as_writable_bytes(std::span(magic)));
    return std::string_view(magic.data(), magic.size()) == "GGUF";
  } catch (const FileError&) {
    return false;
  }
}

GgufFile read_gguf(const std::filesystem::path& path) {
  const std::shared_ptr<const MappedFile> file = MappedFile::open(path.string());
  GgufHeader header = parse_gguf_header(file->bytes(), file->path());
  GgufFile result;
  result.metadata = std::move(header.metadata);
  for (auto& [name, entry] : header.tensors) {
    StoredTensor tensor;
    if (const auto* blocks = std::get_if<BlockType>(&entry.type))
      tensor.encoding = BlockEncoding::of(*blocks);
    else
      tensor.dtype = std::get<DType>(entry.type);
    tensor.shape = std::move(entry.shape);
    tensor.segments = {file->bytes().subspan(header.data_begin + entry.begin, entry.end - entry.begin)};
    tensor.file = file;
    result.tensors.emplace_hint(result.tensors.end(), name, std::move(tensor));
  }
  return result;
}

}  // namespace sd35
