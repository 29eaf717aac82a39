// What the writers of a data set share.
#pragma once

#include "lab/drawing/scene_renderer.h"
#include "lab/drawing/write_dataset.h"

namespace sd35 {

struct DatasetSample {
  Scene scene;
  Rendering rendering;
};

// Number `index` of a data set. Throws ArgumentError when no scene has capital letters as large as asked for.
DatasetSample draw_sample(const DatasetOptions& options, std::uint64_t index, SceneRenderer& renderer);

PictureSize size_of_sample(const DatasetOptions& options, std::uint64_t index);

// Throws Cancelled if `progress` returns false.
void report(const DatasetProgress& progress, std::uint64_t done, std::uint64_t total);

}  // namespace sd35
