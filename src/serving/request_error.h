// Why a request is not answered as it was asked, before any dialect's words.
#pragma once

#include <string>
#include <utility>

#include "sd35/error.h"

namespace sd35::serving {

class RequestError : public Error {
 public:
  // `code`: "invalid_size"; `field`: of the body, or "".
  RequestError(int status, std::string code, const std::string& message, const std::string& field = "")
      : Error(message, field), status_(status), code_(std::move(code)) {}

  int status() const { return status_; }
  const std::string& code() const { return code_; }
  const std::string& field() const { return option(); }

  int retry_after_seconds = 0;  // 0: there is nothing to wait for
  std::string allowed = {};     // methods, of 405

 private:
  int status_;
  std::string code_;
};

}  // namespace sd35::serving
