// What the writers of a data set share.
#pragma once

#include "lab/drawing/scene_renderer.h"
#include "lab/drawing/write_dataset.h"

namespace sd35 {

struct DatasetSample {
  Scene scene;
  Rendering rendering;
};

// Number `index` of a data set. Throws ArgumentError when no capital letters are as large as is wanted.
DatasetSample draw_sample(const DatasetOptions& options, std::uint64_t index, SceneRenderer& renderer);

PictureSize size_of_sample(const DatasetOptions& options, std::uint64_t index);

// Throws Cancelled where `progress` says so.
void report(const DatasetProgress& progress, std::uint64_t done, std::uint64_t total);

}  // namespace sd35
