// What the writers of a data set share.
#pragma once

#include "scenes/drawing/scene_renderer.h"
#include "scenes/drawing/write_dataset.h"

namespace sd35 {

PictureSize size_of_sample(const DatasetOptions& options, std::uint64_t index);

}  // namespace sd35
