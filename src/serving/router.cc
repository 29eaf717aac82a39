#include "serving/router.h"

#include <algorithm>
#include <utility>

#include "serving/jobs/drawing.h"

namespace sd35::serving {
namespace {

std::string_view next_part(std::string_view& path) {
  path.remove_prefix(1);  // the slash
  const std::string_view part = path.substr(0, path.find('/'));
  path.remove_prefix(part.size());
  return part;
}

// Whether `path` is one of `pattern`, whose braces stand for one part each.
bool fits(std::string_view pattern, std::string_view path, std::vector<std::string>& parameters) {
  parameters.clear();
  while (!pattern.empty() && !path.empty()) {
    const std::string_view expected = next_part(pattern), part = next_part(path);
    if (expected.starts_with('{') && !part.empty())
      parameters.emplace_back(part);
    else if (expected != part)
      return false;
  }
  return pattern.empty() && path.empty();
}

Dialect dialect_of(std::string_view path) {
  if (path.starts_with("/v1/")) return Dialect::openai;
  if (path.starts_with("/sdapi/")) return Dialect::a1111;
  if (path.starts_with("/sdcpp/")) return Dialect::sdcpp;
  return Dialect::own;
}

RequestError to_error(const Refusal& refusal) {
  const char* code = refusal.status == 401   ? "unauthorized"
                     : refusal.status == 403 ? "forbidden_origin"
                                             : "wrong_host";
  return {refusal.status, code, refusal.message};
}

bool has_body(const Request& request) {
  const std::string_view length = request.headers.value("Content-Length");
  return !length.empty() && length.find_first_not_of('0') != length.npos;
}

bool is_taken(std::string_view content_type) {
  const std::string_view type = trimmed(content_type.substr(0, content_type.find(';')));
  return same_name(type, "application/json") || same_name(type, "multipart/form-data");
}

}  // namespace

const char* name_of(Dialect dialect) {
  constexpr const char* kNames[] = {"own", "openai", "a1111", "sdcpp", "health", "page"};
  return kNames[static_cast<int>(dialect)];
}

void Call::respond(int status, std::string json, Headers headers) const {
  headers.set("Content-Type", "application/json");
  exchange->respond({status, std::move(headers), std::move(json)});
}

Router::Match Router::match(const Request& request) const {
  Match match;
  match.dialect = dialect_of(request.path);
  if (!request.path.starts_with('/')) return match;
  std::vector<std::string> parameters;
  for (const Route& route : routes_) {
    if (!fits(route.pattern, request.path, parameters)) continue;
    match.dialect = route.dialect;
    match.allowed +=
        (match.allowed.empty() ? "" : ", ") + route.method + (route.method == "GET" ? ", HEAD" : "");
    if (route.method != request.method && !(route.method == "GET" && request.method == "HEAD")) continue;
    match.route = &route;
    match.parameters = parameters;
  }
  return match;
}

std::optional<std::pair<std::string, Dialect>> Router::known(const Request& request) const {
  const Match found = match(request);
  if (found.route == nullptr) return std::nullopt;
  return std::pair(found.route->pattern, found.route->dialect);
}

Response Router::refused(const RequestError& error, Dialect dialect, const Request& request) const {
  const auto format = formats_.find(dialect);
  Response response =
      format == formats_.end() ? formats_.at(Dialect::own)(error, request) : format->second(error, request);
  if (error.retry_after_seconds > 0)
    response.headers.set("Retry-After", std::to_string(error.retry_after_seconds));
  if (!error.allowed.empty()) response.headers.set("Allow", error.allowed);
  return response;
}

std::optional<Response> Router::gate(const Request& request) const {
  const Match found = match(request);
  const auto refuse = [&](const RequestError& error) { return refused(error, found.dialect, request); };
  if (const auto refusal = access_.check_host(request)) return refuse(to_error(*refusal));
  if (const auto refusal = access_.check_origin(request)) return refuse(to_error(*refusal));
  if (found.allowed.empty()) return refuse({404, "not_found", "there is nothing at this address"});
  if (request.method == "OPTIONS") return Response{204, {{"Allow", found.allowed + ", OPTIONS"}}, ""};
  if (found.route == nullptr) {
    RequestError error(405, "method_not_allowed", "here the method is " + found.allowed);
    error.allowed = found.allowed + ", OPTIONS";
    return refuse(error);
  }
  if (!found.route->free)
    if (const auto refusal = access_.check_token(request)) return refuse(to_error(*refusal));
  if (has_body(request) && !is_taken(request.headers.value("Content-Type")))
    return refuse({415, "unsupported_media_type", "a body is application/json or multipart/form-data"});
  return std::nullopt;
}

void Router::complete(const Request& request, Response& response) const {
  Headers& headers = response.headers;
  headers.set("X-Request-Id", request.id);
  headers.set("X-Content-Type-Options", "nosniff");
  if (headers.find("Cache-Control") == nullptr) headers.set("Cache-Control", "no-store");
  const auto origin = access_.named_origin(request);
  if (!origin) return;
  headers.set("Access-Control-Allow-Origin", *origin);
  headers.add("Vary", "Origin");
  headers.set("Access-Control-Expose-Headers", "ETag, Retry-After, X-Request-Id");
  if (request.method != "OPTIONS") return;
  headers.set("Access-Control-Allow-Methods", "GET, HEAD, POST, DELETE, OPTIONS");
  headers.set("Access-Control-Allow-Headers", "Authorization, Content-Type, Last-Event-ID");
  headers.set("Access-Control-Max-Age", "600");
}

void Router::handle(const std::shared_ptr<Exchange>& exchange) {
  const Match found = match(exchange->request());
  if (found.route == nullptr) return;  // the gate has let it pass, so there is one
  const Call call{exchange, found.parameters};
  if (!found.route->takes_a_while) return answer(*found.route, call);
  if (workshop_.run([this, route = found.route, call] { answer(*route, call); })) return;
  RequestError busy(503, "busy", "too many requests wait to be read");
  busy.retry_after_seconds = 1;
  exchange->respond(refused(busy, found.dialect, exchange->request()));
}

void Router::answer(const Route& route, const Call& call) const {
  const auto refuse = [&](const RequestError& error) {
    call.exchange->respond(refused(error, route.dialect, call.request()));
  };
  try {
    route.handle(call);
  } catch (const RequestError& error) {
    refuse(error);
  } catch (const QueueFull& full) {
    RequestError error(429, "queue_full", "the queue is full");
    error.retry_after_seconds = full.retry_after_seconds();
    refuse(error);
  } catch (const QueueStopped& stopped) {
    refuse({503, "server_stopping", stopped.what()});
  } catch (...) {
    const JobError error = explained(service_.models);
    refuse({error.status, error.code, error.message, error.field});
  }
}

}  // namespace sd35::serving
