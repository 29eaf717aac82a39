// Where the samples of a data set lie: what data/dataset.h holds, and the ways to find them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/file_reader.h"
#include "image/image_size.h"

namespace sd35 {

// A member of a shard, or a whole file, whose size is then nothing: it is read when the file is.
struct Extent {
  std::uint32_t file = 0;  // index in SampleList::files
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> size;
};

struct Sample {
  std::string key;
  std::string picture_member;  // its name inside the shard; empty for a file of its own
  std::optional<Extent> picture;
  ImageSize size;
  std::map<std::string, Extent> members;  // the others, by extension
  std::vector<std::string> captions;  // of metadata.jsonl; those of a .txt are read when they are asked for
};

// The lists below hold samples whose pictures were found but not read.
struct SampleList {
  std::vector<std::string> files;
  std::vector<Sample> samples;

  std::uint32_t add_file(std::string path) {
    files.push_back(std::move(path));
    return static_cast<std::uint32_t>(files.size() - 1);
  }
};

inline constexpr char kMetadataFile[] = "metadata.jsonl";

// "png", "jpg", "jpeg", "webp"; lower case.
bool is_picture_extension(std::string_view extension);
std::string lower_case(std::string_view text);

// Puts a file or member of the sample in its place. A second picture or a second file with the same extension
// is left out with one line to `warn`.
void add_part(Sample& sample, const std::string& extension, const Extent& extent, const std::string& name,
              const WarningFunction& warn);

// Pictures in `folder` and below it, by path.
SampleList list_folder(const std::filesystem::path& folder, const WarningFunction& warn);
// The pictures that `folder`/metadata.jsonl names, in its order. Throws FileError when it is malformed.
SampleList list_metadata(const std::filesystem::path& folder, const WarningFunction& warn);
// The members of WebDataset shards. Throws FileError when one is not an archive.
SampleList list_shards(const std::vector<std::filesystem::path>& shards, const WarningFunction& warn);

}  // namespace sd35
