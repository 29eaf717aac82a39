// What clients of OpenAI's images API ask for.
#pragma once

#include <string>
#include <string_view>

#include "serving/dialects/json_body.h"
#include "serving/http/message.h"
#include "serving/jobs/job_request.h"
#include "serving/service.h"

namespace sd35::serving {

struct OpenAiRequest {
  JobRequest job;
  bool stream = false;
  bool urls = false;             // links in place of pictures
  std::string quality = "auto";  // as asked for; the answer repeats it
};

// Of /v1/images/generations: JSON. Throws RequestError; fields that nobody knows are ignored.
OpenAiRequest openai_generation(const Request& request, Service& service);
// Of /v1/images/edits: a form. Fully transparent pixels of the mask, else of the picture, are painted anew.
OpenAiRequest openai_edit(const Request& request, Service& service);

// The model to draw with: clients that can only name OpenAI's own get the default one, with a warning.
std::string openai_model(const std::string& name, const Service& service, std::vector<std::string>& warnings);

}  // namespace sd35::serving
