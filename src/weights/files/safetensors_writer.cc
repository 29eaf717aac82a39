#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/messages.h"
#include "weights/files/safetensors.h"
#include "weights/files/safetensors_header.h"

namespace sd35 {
namespace {

constexpr std::size_t kAlignment = 64;  // of the first tensor: a cache line, and every element type

// Length and header, padded with spaces.
std::string header_bytes(const std::vector<SafetensorsEntry>& entries,
                         const std::map<std::string, std::string>& metadata) {
  nlohmann::json header = nlohmann::json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::size_t offset = 0;
  for (const SafetensorsEntry& entry : entries) {
    header[entry.name] = {{"dtype", safetensors_name(entry.dtype)},
                          {"shape", std::vector(entry.shape.dims().begin(), entry.shape.dims().end())},
                          {"data_offsets", {offset, offset + entry.bytes()}}};
    offset += entry.bytes();
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const nlohmann::json::type_error&) {
    throw ArgumentError("a name or the metadata of a safetensors file is not UTF-8");
  }
  std::uint64_t length = text.size();
  length += kAlignment - 1 - (length + sizeof(length) + kAlignment - 1) % kAlignment;
  text.resize(length, ' ');
  return std::string(reinterpret_cast<const char*>(&length), sizeof(length)) + text;
}

}  // namespace

SafetensorsWriter::SafetensorsWriter(const std::filesystem::path& path, std::vector<SafetensorsEntry> entries,
                                     const std::map<std::string, std::string>& metadata)
    : entries_(std::move(entries)) {
  std::ranges::sort(entries_, [](const SafetensorsEntry& a, const SafetensorsEntry& b) {
    const std::size_t size_a = size_of(a.dtype), size_b = size_of(b.dtype);
    return size_a != size_b ? size_a > size_b : a.name < b.name;
  });
  std::vector<std::string_view> names;
  for (const SafetensorsEntry& entry : entries_) names.push_back(entry.name);
  std::ranges::sort(names);
  const auto twice = std::ranges::adjacent_find(names);
  if (twice != names.end())
    throw ArgumentError("two tensors of a safetensors file are called " + in_quotes(*twice));
  if (std::ranges::binary_search(names, std::string_view("__metadata__")))
    throw ArgumentError("a tensor of a safetensors file must not be called '__metadata__'");

  const std::string header = header_bytes(entries_, metadata);
  std::vector<TensorFileWriter::Part> parts;
  for (const SafetensorsEntry& entry : entries_) parts.push_back({entry.name, entry.bytes(), 0});
  file_.open(path, header, std::move(parts));
}

void write_safetensors(const std::filesystem::path& path, const std::map<std::string, Tensor>& tensors,
                       const std::map<std::string, std::string>& metadata) {
  std::vector<SafetensorsEntry> entries;
  entries.reserve(tensors.size());
  for (const auto& [name, tensor] : tensors) entries.push_back({name, tensor.dtype(), tensor.shape()});
  SafetensorsWriter writer(path, std::move(entries), metadata);
  for (const SafetensorsEntry& entry : writer.entries()) {
    const Tensor& tensor = tensors.at(entry.name);
    writer.write(entry.name, {static_cast<const std::byte*>(tensor.raw()), tensor.bytes()});
  }
  writer.commit();
}

}  // namespace sd35
