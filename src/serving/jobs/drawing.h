// Draws a job with the library, telling it of everything that happens.
#pragma once

#include "serving/jobs/job.h"
#include "serving/metrics.h"
#include "serving/models/models.h"

namespace sd35::serving {

// Throws what Pipeline::generate() throws. Cancelled where the job asks for it: pictures that are nearly there
// are finished before, unless it asks for an end at once.
void draw(Job& job, Models& models, Metrics& metrics);

// What a client is told of the exception in flight: no paths, nothing of the inside. Call inside a catch block.
JobError explained(const Models& models);

// The number of the partial picture that is due after `step` of `steps`, of `count` evenly spread ones; -1:
// none.
int partial_picture_due(int step, int steps, int count);

}  // namespace sd35::serving
