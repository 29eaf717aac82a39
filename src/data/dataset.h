// Pictures with captions, on disk.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/location.h"
#include "data/samples.h"
#include "image/image.h"

namespace sd35 {

// Samples in a fixed order, with random access. The same files give the same order on every machine. Const
// functions may be called from any number of threads.
class Dataset {
 public:
  // `path` is one of
  //   - a folder with `metadata.jsonl`: one line {"file_name": "a/b.png", "text": "..."} per picture (or
  //     "caption" for "text"; a list of strings holds alternatives; other keys are ignored), in the order of
  //     the lines;
  //   - a folder of .tar shards in the layout of WebDataset, where members `name.png`, `name.txt`,
  //     `name.json` ... of one name (up to the first dot after the last '/') make up a sample, or one such
  //     .tar; by shard and place;
  //   - any other folder: the pictures in it and below it, each with its `name.txt` (or `name.caption`,
  //     `name.png.txt`), by path.
  // Pictures are png, jpg, jpeg or webp. A .txt of several lines holds alternative captions.
  //
  // Reads the headers of all pictures. A sample whose picture cannot be used is left out with one line to
  // `warn` that names it, and a damaged shard ends where the damage begins (data/tar.h). Throws FileError
  // when `path` cannot be read, a shard is not an archive, `metadata.jsonl` is malformed, or no sample is
  // left.
  static std::unique_ptr<Dataset> open(const std::filesystem::path& path, const WarningFunction& warn = {});

  // For data that is to be learned with its captions: one line to `warn` counts the pictures without one, and
  // one the captions of several lines among the first thousand. Throws FileError when no picture has any.
  void check_captions(const WarningFunction& warn = {}) const;

  std::int64_t size() const { return static_cast<std::int64_t>(list_.samples.size()); }
  // Unique, and independent of where the data set lies: the picture's path inside without its extension,
  // "shard.tar/name" in shards.
  const std::string& key(std::int64_t index) const { return sample(index).key; }
  // The picture's file, or its shard with the member.
  Location location_of(std::int64_t index) const { return location_of(sample(index)); }
  std::string name_of(std::int64_t index) const { return location_of(index).text; }
  // What read_member() reads.
  Location location_of(std::int64_t index, const std::string& extension) const;
  // Differs when the file that holds the picture was changed: its size and the time of its last change.
  std::string version(std::int64_t index) const;
  // As read_image() gives the picture.
  ImageSize image_size(std::int64_t index) const { return sample(index).size; }
  std::vector<ImageSize> image_sizes() const;

  // All alternatives, well-formed UTF-8, none of them empty; no elements when there is no caption. Throws
  // FileError when the file cannot be read or is larger than 1 MiB.
  std::vector<std::string> captions(std::int64_t index) const;
  // One of them, by `seed`; "" when there is none.
  std::string caption(std::int64_t index, std::uint64_t seed) const;
  // Throws FileError, naming the picture, when it is corrupt.
  Image read_image(std::int64_t index) const;
  // The bytes of the sample's file with this extension ("json": lower case, without the dot), except the
  // picture's; nothing when there is none. Throws FileError when it cannot be read or is larger than 1 GiB.
  std::optional<std::string> read_member(std::int64_t index, const std::string& extension) const;

 private:
  Dataset(std::filesystem::path path, SampleList list) : path_(std::move(path)), list_(std::move(list)) {}

  const Sample& sample(std::int64_t index) const { return list_.samples.at(static_cast<std::size_t>(index)); }
  Location location_of(const Sample& sample) const;
  ImageSize read_size(const Sample& sample) const;
  // Keeps the samples with a picture that can be read.
  void look_at_pictures(const WarningFunction& warn);
  // The file or member with the captions; null if there is none.
  static const Extent* caption_file(const Sample& sample);
  bool has_caption(const Sample& sample) const;
  // Where the sample's caption belongs, for messages.
  std::string place_for_caption(const Sample& sample) const;

  std::filesystem::path path_;
  SampleList list_;
};

}  // namespace sd35
