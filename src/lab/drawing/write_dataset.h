// Data sets of drawn scenes, for `sd35 make-dataset`.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string_view>
#include <vector>

#include "lab/drawing/sprite_style.h"
#include "lab/scenes/scene.h"

namespace sd35 {

struct PictureSize {
  int width = 0;
  int height = 0;
};

// "128" or "192x128", each separated by commas. Throws ArgumentError for anything else and for sizes that
// cannot be drawn (lab/drawing/scene_renderer.h).
std::vector<PictureSize> parse_sizes(std::string_view text);

struct DatasetOptions {
  SceneOptions scenes;
  double smallest_capital = 0;  // pixels; a scene with lower capital letters is replaced by another
  SpriteShares sprites = kFluentOnly;
  std::uint64_t seed = 0;
  std::uint64_t count = 0;
  std::vector<PictureSize> sizes;      // all equally often; which one is a function of seed and index
  std::uint64_t shard_samples = 5000;  // in one archive
};

// Called from time to time; false stops the work with Cancelled.
using DatasetProgress = std::function<bool(std::uint64_t done, std::uint64_t total)>;

// Fills the new folder with WebDataset archives, shard-00000.tar and so on: 00000000.png, .txt (the caption)
// and .json (sample_json()) of each sample. Everything appears at the end, or nothing does. The same options
// give the same bytes, however many threads draw. Throws ArgumentError for bad options and a folder that is
// not empty, FileError when writing fails or a font is missing.
void write_dataset(const std::filesystem::path& folder, const DatasetOptions& options,
                   const DatasetProgress& progress);

// The first pictures of such a data set (at most 120), with their captions below, as one picture file.
void write_contact_sheet(const std::filesystem::path& path, const DatasetOptions& options,
                         const DatasetProgress& progress = {});

// The captions alone, one per line; after a tab, what the sign says, if there is one.
void write_captions(const std::filesystem::path& path, const DatasetOptions& options,
                    const DatasetProgress& progress);

// The words of the captions and the letters of the signs, as the sd35.json of a model that learns from them.
void write_vocabulary(const std::filesystem::path& path, const SceneOptions& scenes);

// Prompts for `sd35 evaluate`, JSON lines (evaluation_prompt_json()), without repeats. Throws ArgumentError
// when the options do not allow that many.
void write_prompts(const std::filesystem::path& path, const DatasetOptions& options,
                   const DatasetProgress& progress = {});

}  // namespace sd35
