// The job API of stable-diffusion.cpp's server: /sdcpp/v1.
#pragma once

#include "serving/router.h"
#include "serving/service.h"

namespace sd35::serving {

void add_sdcpp_routes(Router& router, Service& service);

}  // namespace sd35::serving
