// What our own API is asked for: JSON whose names are those of GenerateOptions.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "sd35/sd35.h"
#include "serving/jobs/job_request.h"
#include "serving/service.h"

namespace sd35::serving {

// A checked job. Throws RequestError, for fields that there are not too.
JobRequest own_job(const nlohmann::json& body, Service& service);

// The settings in a picture in the shape of such a body, without what only its file could say: pictures that
// went in.
nlohmann::ordered_json own_body_of(const Recipe& recipe, const Service& service);

}  // namespace sd35::serving
