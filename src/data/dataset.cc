#include "data/dataset.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <system_error>

#include "core/error.h"
#include "core/messages.h"
#include "core/philox.h"
#include "core/threads.h"
#include "image/image_file.h"
#include "image/unicode.h"

namespace sd35 {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kLargestFile = std::uint64_t{1} << 30;
constexpr std::uint64_t kLargestCaption = 1 << 20;
constexpr std::uint64_t kShortestCaption = 8;  // in bytes; a shorter one may be only blanks
constexpr std::size_t kCaptionsLookedAt = 1000;
constexpr std::uint64_t kFirstLook = 16 << 10;  // bytes of a picture that nearly always show its size

std::vector<fs::path> shards_in(const fs::path& folder) {
  std::vector<fs::path> shards;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const fs::path& path = entry->path();
    if (lower_case(path.extension().string()) == ".tar" && !path.filename().string().starts_with('.'))
      shards.push_back(path);
  }
  if (error)
    throw FileError("cannot read folder " + in_quotes(folder.string()) + ": " + error.message(), {}, folder);
  std::ranges::sort(shards);
  return shards;
}

SampleList list_samples(const fs::path& path, const WarningFunction& warn) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status))
    throw FileError("no data set at " + in_quotes(path.string()) + ": there is no such file or folder", {},
                    path);
  if (!fs::is_directory(status)) return list_shards({path}, warn);
  if (fs::exists(path / kMetadataFile, error)) return list_metadata(path, warn);
  const std::vector<fs::path> shards = shards_in(path);
  return shards.empty() ? list_folder(path, warn) : list_shards(shards, warn);
}

std::vector<std::byte> read_extent(const std::string& path, const Extent& extent, std::uint64_t largest) {
  const FileReader file(path);
  const std::uint64_t size = extent.size.value_or(file.size());
  if (size > largest)
    throw FileError("cannot read " + in_quotes(path) + ": " + std::to_string(size) + " bytes; at most " +
                        std::to_string(largest) + " are read",
                    {}, path);
  return file.read(extent.offset, size);
}

std::string text_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::vector<std::string> lines_of(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\v\f";
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  std::vector<std::string> lines;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const std::size_t first = line.find_first_not_of(kBlanks);
    if (first == line.npos) continue;
    lines.emplace_back(line.substr(first, line.find_last_not_of(kBlanks) - first + 1));
  }
  return lines;
}

}  // namespace

std::unique_ptr<Dataset> Dataset::open(const fs::path& path, const WarningFunction& warn) {
  std::unique_ptr<Dataset> dataset(new Dataset(path, list_samples(path, warn)));
  const bool found_any = dataset->size() > 0;
  dataset->look_at_pictures(warn);
  if (dataset->size() == 0)
    throw FileError("no picture " + std::string(found_any ? "that can be read " : "") + "in data set " +
                        in_quotes(path.string()) + "; it takes .png, .jpg, .jpeg and .webp in a folder, " +
                        kMetadataFile + " or .tar shards",
                    {}, path);
  return dataset;
}

Location Dataset::location_of(const Sample& sample) const {
  const std::string& file = list_.files[sample.picture->file];
  if (sample.picture_member.empty()) return file;
  return {file + ": " + sample.picture_member, file};
}

Location Dataset::location_of(std::int64_t index, const std::string& extension) const {
  const auto member = sample(index).members.find(extension);
  const std::size_t file =
      member == sample(index).members.end() ? sample(index).picture->file : member->second.file;
  return {name_of(index) + ", its ." + extension, list_.files[file]};
}

std::string Dataset::version(std::int64_t index) const {
  const Extent& extent = *sample(index).picture;
  const std::string& file = list_.files[extent.file];
  std::error_code gone;  // shows when the picture is read
  const auto size = fs::file_size(file, gone);
  const auto time = fs::last_write_time(file, gone).time_since_epoch().count();
  return std::to_string(extent.offset) + "-" + std::to_string(size) + "-" + std::to_string(time);
}

ImageSize Dataset::read_size(const Sample& sample) const {
  const Location picture = location_of(sample);
  const FileReader file(list_.files[sample.picture->file]);
  const std::uint64_t size = sample.picture->size.value_or(file.size());
  for (std::uint64_t look = kFirstLook;; look *= 8) {
    const std::vector<std::byte> start = file.read(sample.picture->offset, std::min(look, size));
    if (const std::optional<ImageSize> found = sd35::image_size(start, size, picture)) return *found;
    if (start.size() == size)
      throw FileError("cannot read " + in_quotes(picture.text) + ": the file is truncated", {}, picture.file);
  }
}

void Dataset::look_at_pictures(const WarningFunction& warn) {
  std::vector<Sample>& samples = list_.samples;
  std::vector<std::string> problems(samples.size());
  parallel_for(size(), 8, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) try {
        samples[i].size = read_size(samples[i]);
      } catch (const FileError& error) {
        problems[i] = error.what();
      }
  });
  std::size_t kept = 0;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (problems[i].empty()) {
      if (kept != i) samples[kept] = std::move(samples[i]);
      ++kept;
    } else if (warn) {
      warn("left out: " + problems[i]);
    }
  }
  samples.resize(kept);
}

const Extent* Dataset::caption_file(const Sample& sample) {
  for (const char* extension : {"txt", "caption"})
    if (const auto found = sample.members.find(extension); found != sample.members.end())
      return &found->second;
  return nullptr;
}

bool Dataset::has_caption(const Sample& sample) const {
  if (!sample.captions.empty()) return true;
  const Extent* const file = caption_file(sample);
  if (file == nullptr) return false;
  const std::string& path = list_.files[file->file];
  const std::uint64_t size = file->size ? *file->size : FileReader(path).size();
  return size >= kShortestCaption || !lines_of(text_of(read_extent(path, *file, kLargestCaption))).empty();
}

std::string Dataset::place_for_caption(const Sample& sample) const {
  if (!sample.picture_member.empty()) return "the member .txt of its name";
  if (fs::exists(path_ / kMetadataFile)) return "\"text\" in its line of " + std::string(kMetadataFile);
  return in_quotes(fs::path(location_of(sample).text).replace_extension(".txt").string());
}

void Dataset::check_captions(const WarningFunction& warn) const {
  std::vector<char> captioned(list_.samples.size());
  parallel_for(size(), 8, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      captioned[static_cast<std::size_t>(i)] = has_caption(sample(i));
  });
  const auto missing = std::ranges::count(captioned, char{false});
  const Sample& first =
      sample(missing == 0 ? 0 : std::ranges::find(captioned, char{false}) - captioned.begin());
  const std::string place =
      "the caption of " + in_quotes(location_of(first).text) + " belongs in " + place_for_caption(first);
  if (missing == size())
    throw FileError("no picture of data set '" + path_.string() + "' has a caption; " + place, {}, path_);
  if (!warn) return;
  if (missing > 0)
    warn(std::to_string(missing) + " of " + std::to_string(size()) + " pictures have no caption; " + place);

  std::int64_t several = 0, example = 0;
  for (std::size_t i = 0; i < std::min(captioned.size(), kCaptionsLookedAt); ++i)
    if (list_.samples[i].captions.empty() && captions(static_cast<std::int64_t>(i)).size() > 1 &&
        several++ == 0)
      example = static_cast<std::int64_t>(i);
  if (several > 0)
    warn("captions of several lines, such as that of " + in_quotes(name_of(example)) +
         ": each line is a caption of its own, and one is chosen at random each time");
}

std::vector<ImageSize> Dataset::image_sizes() const {
  std::vector<ImageSize> sizes;
  sizes.reserve(list_.samples.size());
  for (const Sample& sample : list_.samples) sizes.push_back(sample.size);
  return sizes;
}

std::vector<std::string> Dataset::captions(std::int64_t index) const {
  const Sample& sample = this->sample(index);
  if (!sample.captions.empty()) return sample.captions;
  const Extent* const text = caption_file(sample);
  if (text == nullptr) return {};
  return lines_of(clean_utf8(text_of(read_extent(list_.files[text->file], *text, kLargestCaption))));
}

std::string Dataset::caption(std::int64_t index, std::uint64_t seed) const {
  const std::vector<std::string> all = captions(index);
  if (all.empty()) return "";
  const PhiloxCounter words =
      philox4x32({static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32)},
                 {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)});
  return all[std::uint64_t{words[0]} * all.size() >> 32];
}

Image Dataset::read_image(std::int64_t index) const {
  const Sample& sample = this->sample(index);
  const std::vector<std::byte> bytes =
      read_extent(list_.files[sample.picture->file], *sample.picture, kLargestFile);
  return sd35::read_image(bytes, location_of(sample));
}

std::optional<std::string> Dataset::read_member(std::int64_t index, const std::string& extension) const {
  const Sample& sample = this->sample(index);
  const auto member = sample.members.find(extension);
  if (member == sample.members.end()) return std::nullopt;
  return text_of(read_extent(list_.files[member->second.file], member->second, kLargestFile));
}

}  // namespace sd35
