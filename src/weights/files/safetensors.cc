#include "weights/files/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>

#include "core/config_file.h"
#include "core/error.h"
#include "core/file_kind.h"
#include "core/messages.h"
#include "weights/files/safetensors_header.h"

namespace sd35 {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors are little-endian and read in place");

constexpr std::uint64_t kLengthBytes = 8;
constexpr std::uint64_t kLargestHeader = 100'000'000;  // the limit of the reference implementation

// " (download it again)"
std::string advice(std::string_view what) { return what.empty() ? "" : " (" + std::string(what) + ")"; }

// The text of the header. Throws FileError when there is none.
std::string_view header_text(const MappedFile& file, std::string_view if_cut) {
  const std::span<const std::byte> bytes = file.bytes();
  const auto fail = [&](const std::string& what) {
    const bool from_elsewhere = if_cut == kDownloadAgain;
    if (const std::string kind = from_elsewhere ? file_kind(bytes) : ""; !kind.empty())
      throw FileError(file.path() + ": it is " + kind +
                          (kind == "a GGUF file" ? "; a safetensors file is needed here"
                                                 : "; safetensors and GGUF files are read"),
                      {}, file.path());
    throw FileError(file.path() + ": " + what + "; the file is cut off, or not in the safetensors format" +
                        advice(if_cut),
                    {}, file.path());
  };
  if (bytes.size() < kLengthBytes)
    fail("a safetensors file of " + std::to_string(bytes.size()) + " bytes has no header");
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), kLengthBytes);
  if (length > kLargestHeader)
    fail("its header claims " + std::to_string(length) + " bytes, more than the 100 MB allowed");
  if (length > bytes.size() - kLengthBytes)
    fail("its header claims " + std::to_string(length) + " bytes of the " +
         std::to_string(bytes.size() - kLengthBytes) + " there are");
  const std::string_view text(reinterpret_cast<const char*>(bytes.data() + kLengthBytes), length);
  if (!text.starts_with('{')) fail("its header does not start with '{'");
  return text;
}

// The tensors must lie one after another and fill the file.
void check_layout(const SafetensorsHeader& header, std::uint64_t data_bytes, const std::string& path,
                  std::string_view if_cut) {
  using Item = std::pair<const std::string, SafetensorsHeader::Entry>;
  std::vector<const Item*> order;
  for (const Item& item : header.tensors) order.push_back(&item);
  std::ranges::sort(order, {},
                    [](const Item* item) { return std::pair(item->second.begin, item->second.end); });

  std::uint64_t end = 0;
  const Item* previous = nullptr;
  for (const Item* item : order) {
    const auto& [name, entry] = *item;
    if (entry.end > data_bytes)
      throw FileError(path + ": tensor " + in_quotes(name) + " ends at byte " + std::to_string(entry.end) +
                          " of " + std::to_string(data_bytes) + "; the file is cut off" + advice(if_cut),
                      {}, path);
    if (entry.begin < end)
      throw FileError(path + ": tensor " + in_quotes(name) + " overlaps tensor " + in_quotes(previous->first),
                      {}, path);
    if (entry.begin > end)
      throw FileError(path + ": " + std::to_string(entry.begin - end) + " bytes before tensor " +
                          in_quotes(name) + " belong to no tensor",
                      {}, path);
    end = entry.end;
    previous = item;
  }
  if (end != data_bytes)
    throw FileError(path + ": the last " + std::to_string(data_bytes - end) + " bytes belong to no tensor",
                    {}, path);
}

}  // namespace

SafetensorsFile read_safetensors(const std::filesystem::path& path, std::string_view if_cut) {
  const std::shared_ptr<const MappedFile> file = MappedFile::open(path.string());
  const std::string_view text = header_text(*file, if_cut);
  SafetensorsHeader header = parse_safetensors_header(text, file->path());
  const std::span<const std::byte> data = file->bytes().subspan(kLengthBytes + text.size());
  check_layout(header, data.size(), file->path(), if_cut);

  SafetensorsFile result;
  result.metadata = std::move(header.metadata);
  for (auto& [name, entry] : header.tensors) {
    StoredTensor tensor;
    tensor.dtype = entry.dtype;
    tensor.shape = std::move(entry.shape);
    tensor.segments = {data.subspan(entry.begin, entry.end - entry.begin)};
    tensor.file = file;
    result.tensors.emplace_hint(result.tensors.end(), name, std::move(tensor));
  }
  return result;
}

SafetensorsFile read_sharded_safetensors(const std::filesystem::path& index, const WarningFunction& warn) {
  constexpr std::uintmax_t kLargestIndex = kLargestHeader;
  const nlohmann::json json = read_json_file(index, kLargestIndex);
  const auto map = json.find("weight_map");
  if (map == json.end() || !map->is_object() || map->empty())
    throw FileError(index.string() + ": it holds no weight_map of tensors to files", {}, index);

  std::set<std::string> shards;
  for (const auto& [tensor, shard] : map->items()) {
    const std::string name = shard.is_string() ? shard.get<std::string>() : "";
    if (name.empty() || name == "." || name == ".." ||
        name.find_first_of(std::string_view("/\\\0", 3)) != name.npos)
      throw FileError(index.string() + ": tensor " + in_quotes(tensor) + " lies in " +
                          in_quotes(shard.dump()) + "; a shard must be the name of a file in the same folder",
                      {}, index);
    shards.insert(name);
  }

  SafetensorsFile result;
  ProblemList wrong;
  for (const std::string& name : shards) {
    const std::filesystem::path path = index.parent_path() / name;
    std::error_code error;
    if (!std::filesystem::exists(path, error))
      throw FileError(index.string() + ": shard " + in_quotes(name) + " is missing; download it into '" +
                          index.parent_path().string() + "'",
                      {}, index);
    SafetensorsFile shard = read_safetensors(path);
    for (auto& [tensor, stored] : shard.tensors) {
      const auto promised = map->find(tensor);
      if (promised == map->end() || *promised != name)
        wrong.add(in_quotes(tensor) + " is in " + in_quotes(name));
      if (!result.tensors.emplace(tensor, std::move(stored)).second)
        throw FileError(path.string() + ": tensor " + in_quotes(tensor) + " is in another shard, too", {},
                        path);
    }
    result.metadata.merge(shard.metadata);
  }
  for (const auto& [tensor, shard] : map->items())
    if (!result.tensors.contains(tensor)) wrong.add(in_quotes(tensor) + " is in no shard");
  if (wrong.count() > 0 && warn)
    warn(index.string() + ": it is wrong about where tensors lie: " + wrong.text());
  return result;
}

}  // namespace sd35
