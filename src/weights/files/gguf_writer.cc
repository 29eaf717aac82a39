#include <optional>
#include <set>
#include <utility>

#include "core/error.h"
#include "core/messages.h"
#include "weights/files/gguf.h"

namespace sd35 {
namespace {

constexpr std::uint32_t kVersion = 3, kKindU32 = 4, kKindString = 8;
constexpr std::size_t kGgufAlignment = 32;  // the format's default, if metadata name no other

std::size_t padding(std::size_t bytes) { return (kGgufAlignment - bytes % kGgufAlignment) % kGgufAlignment; }

// Bytes of a header, one number or text after another.
class HeaderText {
 public:
  template <class T>
  void number(T value) {
    text_.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  void text(const std::string& value) {
    number<std::uint64_t>(value.size());
    text_ += value;
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

void put_metadata(HeaderText& header, const GgufMetadata& metadata) {
  for (const auto& [key, value] : metadata) {
    header.text(key);
    if (const auto* number = std::get_if<std::uint32_t>(&value)) {
      header.number(kKindU32);
      header.number(*number);
    } else {
      header.number(kKindString);
      header.text(std::get<std::string>(value));
    }
  }
}

std::string header_bytes(const std::vector<GgufEntry>& entries, const GgufMetadata& metadata) {
  HeaderText header;
  header.number(kVersion);
  header.number<std::uint64_t>(entries.size());
  header.number<std::uint64_t>(metadata.size());
  put_metadata(header, metadata);
  std::uint64_t offset = 0;
  for (const GgufEntry& entry : entries) {
    const std::optional<std::uint32_t> type = gguf_number(entry.type);
    if (!type) throw ArgumentError("tensor " + in_quotes(entry.name) + " is of a type that GGUF files lack");
    header.text(entry.name);
    header.number(static_cast<std::uint32_t>(entry.shape.rank()));
    for (auto dim = entry.shape.dims().rbegin(); dim != entry.shape.dims().rend(); ++dim)
      header.number(static_cast<std::uint64_t>(*dim));
    header.number(*type);
    header.number(offset);
    offset += entry.bytes() + padding(entry.bytes());
  }
  std::string bytes = "GGUF" + header.take();
  bytes.resize(bytes.size() + padding(bytes.size()));
  return bytes;
}

}  // namespace

GgufWriter::GgufWriter(const std::filesystem::path& path, std::vector<GgufEntry> entries,
                       const GgufMetadata& metadata)
    : entries_(std::move(entries)) {
  std::set<std::string_view> names;
  for (const GgufEntry& entry : entries_)
    if (!names.insert(entry.name).second)
      throw ArgumentError("two tensors of a GGUF file are called " + in_quotes(entry.name));
  const std::string header = header_bytes(entries_, metadata);
  std::vector<TensorFileWriter::Part> parts;
  for (const GgufEntry& entry : entries_)
    parts.push_back({entry.name, entry.bytes(), padding(entry.bytes())});
  file_.open(path, header, std::move(parts));
}

}  // namespace sd35
