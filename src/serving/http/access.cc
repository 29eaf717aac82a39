#include "serving/http/access.h"

#include <algorithm>

#include "serving/http/base64.h"

namespace sd35::serving {
namespace {

// "example.org:7860" without its port; "[::1]:7860" keeps its brackets.
std::string_view without_port(std::string_view host) {
  if (host.starts_with('[')) return host.substr(0, std::min(host.find(']'), host.size() - 1) + 1);
  return host.substr(0, host.find(':'));
}

bool is_among(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::any_of(names, [&](const std::string& each) { return same_name(each, name); });
}

// What follows a scheme of authentication, such as "Bearer"; empty: another one is used.
std::string_view credentials(std::string_view authorization, std::string_view scheme) {
  if (authorization.size() <= scheme.size() || !same_name(authorization.substr(0, scheme.size()), scheme) ||
      authorization[scheme.size()] != ' ')
    return {};
  return trimmed(authorization.substr(scheme.size()));
}

}  // namespace

bool equal_in_constant_time(std::string_view secret, std::string_view given) {
  std::size_t different = secret.size() ^ given.size();
  for (std::size_t i = 0; i < given.size(); ++i) {
    const char expected = secret.empty() ? '\0' : secret[i % secret.size()];
    different |= static_cast<unsigned char>(given[i] ^ expected);
  }
  return different == 0;
}

bool is_loopback(std::string_view address) {
  return address == "::1" || address == "[::1]" || address.starts_with("127.") || address == "localhost";
}

std::optional<Refusal> Access::check_host(const Request& request) const {
  if (!rules_.loopback) return std::nullopt;
  const std::string_view host = without_port(request.headers.value("Host"));
  const bool ours = same_name(host, "localhost") || host == "127.0.0.1" || host == "[::1]";
  if (ours || is_among(rules_.hosts, host)) return std::nullopt;
  return Refusal{421, "this server does not answer for that Host; --allow-host names others"};
}

std::optional<std::string> Access::named_origin(const Request& request) const {
  const std::string* origin = request.headers.find("Origin");
  if (origin == nullptr || !is_among(rules_.origins, *origin)) return std::nullopt;
  return *origin;
}

std::optional<Refusal> Access::check_origin(const Request& request) const {
  if (request.method == "GET" || request.method == "HEAD" || request.method == "OPTIONS") return std::nullopt;
  const std::string* origin = request.headers.find("Origin");
  if (origin == nullptr || named_origin(request)) return std::nullopt;
  const std::string_view host = request.headers.value("Host");
  for (const std::string scheme : {"http://", "https://"})
    if (same_name(*origin, scheme + std::string(host))) return std::nullopt;
  return Refusal{403, "pages of another origin may not call; --cors-origin names those that may"};
}

std::optional<Refusal> Access::check_token(const Request& request) const {
  if (rules_.token.empty()) return std::nullopt;
  const std::string_view authorization = request.headers.value("Authorization");
  std::string given(credentials(authorization, "Bearer"));
  if (const std::string_view basic = credentials(authorization, "Basic"); !basic.empty()) {
    const std::string pair = base64_decoded(basic).value_or("");
    const std::size_t colon = pair.find(':');
    given = colon == pair.npos ? "" : pair.substr(colon + 1);
  }
  if (equal_in_constant_time(rules_.token, given)) return std::nullopt;
  return Refusal{401, authorization.empty() ? "a token is needed: Authorization: Bearer TOKEN"
                                            : "the token is not the right one"};
}

}  // namespace sd35::serving
