// Which noise levels a request runs through.
#pragma once

#include <vector>

#include "image/image_size.h"
#include "sampling/sigmas.h"
#include "sd35/sd35.h"

namespace sd35 {

struct Schedule {
  std::vector<float> sigmas;  // of all steps and of the end
  int first_step = 0;         // that is run

  int steps() const { return static_cast<int>(sigmas.size()) - 1; }
  int steps_to_run() const { return steps() - first_step; }
};

// Of complete options. Throws ArgumentError where no step is left, or there are too many.
Schedule schedule_of(const GenerateOptions& options, const SchedulerConfig& scheduler);
// The size of the picture that the options draw before it is put back anywhere: width and height, times
// HiresOptions::scale rounded to a multiple of `unit`.
ImageSize hires_size(const GenerateOptions& options, int unit);
// Of the second pass of HiresOptions.
Schedule hires_schedule_of(const GenerateOptions& options, const SchedulerConfig& scheduler);

}  // namespace sd35
