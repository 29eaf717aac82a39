#include "weights/gguf.h"

#include <fstream>

namespace sd35 {

bool is_gguf(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return false;  // a pipe must not be waited for
  std::ifstream file(path, std::ios::binary);
  std::array<char, 4> magic{};
  return file.read(magic.data(), magic.size()) && std::string_view(magic.data(), magic.size()) == "GGUF";
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
