#include <algorithm>
#include <array>
#include <string_view>
#include <system_error>

#include "core/error.h"
#include "core/messages.h"
#include "data/samples.h"

namespace sd35 {
namespace {

namespace fs = std::filesystem;

// Relative paths with '/', sorted by their bytes; without hidden files (those of AtomicFile among them).
std::vector<std::string> files_below(const fs::path& folder) {
  std::vector<std::string> files;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code ignored;  // a link to nowhere is not a file
    if (entry->path().filename().string().starts_with('.')) {
      entry.disable_recursion_pending();
    } else if (entry->is_regular_file(ignored)) {
      files.push_back(entry->path().lexically_relative(folder).generic_string());
    }
  }
  if (error)
    throw FileError("cannot read folder " + in_quotes(folder.string()) + ": " + error.message(), {}, folder);
  std::ranges::sort(files);
  return files;
}

struct FileName {
  std::string stem;
  std::string extension;  // lower case, without the dot
};

FileName split_file(const std::string& path) {
  const std::string extension = fs::path(path).extension().string();
  if (extension.empty()) return {path, ""};
  return {path.substr(0, path.size() - extension.size()), lower_case(extension.substr(1))};
}

bool is_unread_picture(std::string_view extension) {
  constexpr std::array kinds{"avif", "bmp", "gif", "heic", "heif", "jxl", "tif", "tiff"};
  return std::ranges::find(kinds, extension) != kinds.end();
}

}  // namespace

SampleList list_folder(const fs::path& folder, const WarningFunction& warn) {
  const std::vector<std::string> files = files_below(folder);
  SampleList list;
  std::map<std::string, std::size_t> places;  // of the samples, by key
  for (const std::string& file : files) {
    const FileName name = split_file(file);
    if (!is_picture_extension(name.extension) || !places.try_emplace(name.stem, list.samples.size()).second)
      continue;
    list.samples.emplace_back().key = name.stem;
  }
  std::map<std::string, int> unread;  // kinds of pictures that are not read
  for (const std::string& file : files) {
    const FileName name = split_file(file);
    auto place = places.find(name.stem);
    if (place == places.end() && is_picture_extension(split_file(name.stem).extension))
      place = places.find(split_file(name.stem).stem);  // cat.png.txt
    if (is_unread_picture(name.extension)) ++unread[name.extension];
    if (place == places.end() || name.extension.empty()) continue;
    const std::string path = (folder / file).string();
    add_part(list.samples[place->second], name.extension, {list.add_file(path), 0, std::nullopt}, path, warn);
  }
  for (const auto& [extension, count] : unread)
    if (warn)
      warn("left out: " + std::to_string(count) + " ." + extension + " in '" + folder.string() +
           "'; pictures are .png, .jpg, .jpeg or .webp");
  return list;
}

}  // namespace sd35
