// A request and its answer, without any network.
#pragma once

#include <map>
#include <string>

#include "serving/http/headers.h"

namespace sd35::serving {

struct Request {
  std::string method;                        // "GET"
  std::string path;                          // decoded: "/api/v1/jobs"
  std::map<std::string, std::string> query;  // decoded; of several with one name the last
  Headers headers;
  std::string body;
  int minor_version = 1;  // of HTTP/1.x
  std::string peer;       // its address, "127.0.0.1"
  std::string id;         // ours, for logs and messages
};

struct Response {
  int status = 200;
  Headers headers;  // without Content-Length and Connection, which the server adds
  std::string body;
};

}  // namespace sd35::serving
