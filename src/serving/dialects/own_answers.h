// What our own API answers.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "serving/http/message.h"
#include "serving/jobs/job.h"
#include "serving/request_error.h"
#include "serving/service.h"

namespace sd35::serving {

Response own_error(const RequestError& error, const Request& request);

// {"id", "status", ...}
nlohmann::ordered_json own_state(const Job& job);
// As a server-sent event, "" for those that this API does not have.
std::string own_event(const Job& job, const JobEvent& event);

nlohmann::ordered_json own_models(const Service& service);
nlohmann::ordered_json own_loras(const Service& service);
nlohmann::ordered_json own_capabilities(const Service& service);

// The names of the samplers, as options have them.
std::vector<std::string> sampler_names();
// "image/png" of "png".
std::string content_type_of(const std::string& format);

}  // namespace sd35::serving
