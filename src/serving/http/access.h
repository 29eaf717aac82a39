// Who may ask: the checks of a request's Host, Origin and token.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "serving/http/message.h"
#include "serving/http/request_head.h"

namespace sd35::serving {

struct AccessRules {
  bool loopback = true;              // the server is bound to an address of this machine alone
  std::vector<std::string> hosts;    // further names that a request's Host may have
  std::vector<std::string> origins;  // of pages that may call: "https://example.org"
  std::string token;                 // empty: none is asked for
};

// Whether texts are equal, in a time that depends on the length of `given` alone.
bool equal_in_constant_time(std::string_view secret, std::string_view given);

class Access {
 public:
  explicit Access(AccessRules rules) : rules_(std::move(rules)) {}

  // On loopback only names of this machine, because a page of a foreign one, whose name an attacker makes
  // point here, sends its own (DNS rebinding): 421.
  std::optional<Refusal> check_host(const Request& request) const;
  // Pages from elsewhere may only look, unless they are named: 403.
  std::optional<Refusal> check_origin(const Request& request) const;
  // "Bearer TOKEN", or Basic with any name and the token as the password: 401.
  std::optional<Refusal> check_token(const Request& request) const;

  // The Origin of the request, if it is one of those named: it may read answers.
  std::optional<std::string> named_origin(const Request& request) const;

 private:
  AccessRules rules_;
};

// Whether an address of a listener can be reached from this machine alone: 127.x.x.x, ::1, localhost.
bool is_loopback(std::string_view address);

}  // namespace sd35::serving
