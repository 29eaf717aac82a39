#include <nlohmann/json.hpp>
#include <set>

#include "core/config_file.h"
#include "core/error.h"
#include "core/file_reader.h"
#include "core/inner_path.h"
#include "core/messages.h"
#include "data/samples.h"
#include "image/unicode.h"

namespace sd35 {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kLargestMetadata = std::uint64_t{1} << 34;

// A picture's path must not lead out of the data set.
fs::path checked_path(const std::string& file_name, const Location& location) {
  if (!is_inner_path(file_name))
    throw FileError(
        location + ": 'file_name' is " + in_quotes(file_name) + "; it must be a path inside the folder", {},
        location.file);
  return fs::path(file_name).lexically_normal();
}

std::vector<std::string> captions_of(const nlohmann::json& line, const Location& location) {
  for (const char* key : {"text", "caption"}) {
    const auto value = line.find(key);
    if (value == line.end() || value->is_null()) continue;
    std::vector<std::string> captions;
    const nlohmann::json list = value->is_array() ? *value : nlohmann::json::array({*value});
    for (const nlohmann::json& caption : list) {
      if (!caption.is_string())
        throw FileError(location + ": '" + key + "' must be a string or a list of strings", {},
                        location.file);
      if (!caption.get_ref<const std::string&>().empty())
        captions.push_back(clean_utf8(caption.get_ref<const std::string&>()));
    }
    return captions;
  }
  return {};
}

}  // namespace

SampleList list_metadata(const fs::path& folder, const WarningFunction& warn) {
  const std::string path = (folder / kMetadataFile).string();
  SampleList list;
  std::set<std::string> keys;
  for_each_line(path, kLargestMetadata, [&](std::int64_t number, std::string_view line) {
    if (line.find_first_not_of(" \t\r") == line.npos) return;
    const Location location(printable(path) + ":" + std::to_string(number), path);
    const nlohmann::json json = parse_json_object(line, location);
    const fs::path picture = checked_path(ConfigReader(json, location).text("file_name"), location);
    Sample sample;
    sample.captions = captions_of(json, location);
    sample.key = (picture.parent_path() / picture.stem()).generic_string();
    if (!keys.insert(sample.key).second) {
      if (warn)
        warn("left out: " + location.text + ": sample " + in_quotes(sample.key) + " was there before");
      return;
    }
    sample.picture = Extent{list.add_file((folder / picture).string()), 0, std::nullopt};
    list.samples.push_back(std::move(sample));
  });
  return list;
}

}  // namespace sd35
