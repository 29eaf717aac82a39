// Pictures that a client sends.
#pragma once

#include <string>
#include <string_view>

#include "sd35/sd35.h"
#include "serving/service.h"

namespace sd35::serving {

// A PNG, JPEG or WebP, told apart by its content; its size is looked at before it is decoded. Throws
// RequestError about the field `name`.
Picture picture_of_bytes(std::string_view bytes, const std::string& name, const RequestLimits& limits);
// The same in base64, bare or as a data URL. Addresses are refused, and never fetched.
Picture picture_of_text(std::string_view text, const std::string& name, const RequestLimits& limits);

InputPicture input_of(Picture picture, const std::string& name);

}  // namespace sd35::serving
