// OpenAI's images API: /v1.
#pragma once

#include "serving/router.h"
#include "serving/service.h"

namespace sd35::serving {

void add_openai_routes(Router& router, Service& service);

}  // namespace sd35::serving
