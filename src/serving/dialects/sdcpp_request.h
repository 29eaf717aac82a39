// What clients of stable-diffusion.cpp's server ask for.
#pragma once

#include "serving/dialects/json_body.h"
#include "serving/jobs/job_request.h"
#include "serving/service.h"

namespace sd35::serving {

// A checked job of the body of img_gen. Throws RequestError; what has no effect here and would change the
// picture is refused, unknown fields are ignored.
JobRequest sdcpp_job(const JsonIn& body, Service& service);

}  // namespace sd35::serving
