// Which request is for whom.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "serving/http/access.h"
#include "serving/http/exchange.h"
#include "serving/request_error.h"
#include "serving/service.h"
#include "serving/workshop.h"

namespace sd35::serving {

// Whose words an answer is in.
enum class Dialect : std::uint8_t { own, openai, a1111, sdcpp, health, page };
const char* name_of(Dialect dialect);

// A request on its way to who answers it.
struct Call {
  std::shared_ptr<Exchange> exchange;
  std::vector<std::string> parameters;  // what the braces of the pattern stand for

  const Request& request() const { return exchange->request(); }
  const std::string& parameter(std::size_t i) const { return parameters.at(i); }
  void respond(int status, std::string json, Headers headers = {}) const;
};

struct Route {
  std::string method;   // GET is HEAD too
  std::string pattern;  // "/api/v1/jobs/{id}"
  Dialect dialect = Dialect::own;
  std::function<void(const Call&)> handle;  // what it throws becomes an answer
  bool free = false;                        // without the token
  bool takes_a_while = false;               // not for the thread of the network
};

// An error in the words of a dialect.
using ErrorFormat = std::function<Response(const RequestError&, const Request&)>;

class Router {
 public:
  Router(Service& service, Access access) : service_(service), access_(std::move(access)) {}

  void add(Route route) { routes_.push_back(std::move(route)); }
  void set_format(Dialect dialect, ErrorFormat format) { formats_[dialect] = std::move(format); }
  const std::vector<Route>& routes() const { return routes_; }

  // Everything that is checked before a body is read.
  std::optional<Response> gate(const Request& request) const;
  void handle(const std::shared_ptr<Exchange>& exchange);
  // Lets go of requests that take a while: those that come later are refused.
  void stop() { workshop_.stop(); }
  // Returns when those that have come so far are dealt with.
  void wait() { workshop_.wait(); }
  // Adds what every answer has.
  void complete(const Request& request, Response& response) const;
  // The pattern and the dialect, for metrics and logs; nothing for a path that nobody knows.
  std::optional<std::pair<std::string, Dialect>> known(const Request& request) const;

 private:
  struct Match {
    const Route* route = nullptr;
    std::vector<std::string> parameters;
    std::string allowed;  // methods of the path: "GET, HEAD"
    Dialect dialect = Dialect::own;
  };
  Match match(const Request& request) const;
  Response refused(const RequestError& error, Dialect dialect, const Request& request) const;
  void answer(const Route& route, const Call& call) const;

  Service& service_;
  Access access_;
  std::vector<Route> routes_;
  std::map<Dialect, ErrorFormat> formats_;
  Workshop workshop_;
};

}  // namespace sd35::serving
