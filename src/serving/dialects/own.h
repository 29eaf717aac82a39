// Our own API, /api/v1, and what is of no dialect: /livez, /readyz, /metrics.
#pragma once

#include "serving/router.h"
#include "serving/service.h"

namespace sd35::serving {

void add_own_routes(Router& router, Service& service);
void add_health_routes(Router& router, Service& service);

}  // namespace sd35::serving
