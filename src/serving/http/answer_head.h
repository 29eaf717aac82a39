// The head of an answer as bytes.
#pragma once

#include <string>

#include "serving/http/message.h"

namespace sd35::serving {

// "Not Found" of 404.
const char* reason_of(int status);

// How the body ends: of known length, in chunks, or with the connection.
enum class BodyEnd { length, chunks, close };

// Status line and fields, with an empty line. Control characters in names and values, which could begin fields
// of their own, become blanks.
std::string answer_head(const Response& response, BodyEnd end, std::size_t length, bool keep_alive);

}  // namespace sd35::serving
