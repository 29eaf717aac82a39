// From what a dialect has read to a job that can be drawn.
#pragma once

#include <optional>
#include <string>

#include "serving/jobs/job_request.h"
#include "serving/service.h"

namespace sd35::serving {

// The default model for an empty name. Throws RequestError 404 for one that there is not.
std::string model_named(const Service& service, const std::string& name);
// Throws RequestError about `field` for a name that there is not.
LoraOptions lora_named(const Service& service, const std::string& name, double weight,
                       const std::string& field);
// A seed that a person can type and JavaScript can hold.
std::uint64_t random_seed();

// Completes the options with those of the model, and checks them against the model and the limits of the
// server. Throws RequestError whose field is the option's name.
void check_job(JobRequest& request, Service& service);

}  // namespace sd35::serving
