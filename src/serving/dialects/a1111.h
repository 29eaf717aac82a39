// The API of A1111's web UI: /sdapi/v1.
#pragma once

#include "serving/router.h"
#include "serving/service.h"

namespace sd35::serving {

void add_a1111_routes(Router& router, Service& service);

// The lists that clients ask for when they start; part of the above.
void add_a1111_lists(Router& router, Service& service);

}  // namespace sd35::serving
