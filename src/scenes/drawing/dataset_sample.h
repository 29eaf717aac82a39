// What the writers of a data set share.
#pragma once

#include "scenes/drawing/scene_renderer.h"
#include "scenes/drawing/write_dataset.h"

namespace sd35 {

PictureSize size_of_sample(const DatasetOptions& options, std::uint64_t index);

// Throws Cancelled where `progress` says so.
void report(const DatasetProgress& progress, std::uint64_t done, std::uint64_t total);

}  // namespace sd35
