// Reads the input as the head of a request. What is accepted must hold together: one host, no transfer
// encoding, no control characters that a log or a field of an answer could not stand, and the same head again
// when it is cut out of what follows.
#include <algorithm>

#include "serving/http/access.h"
#include "serving/http/base64.h"
#include "serving/http/request_head.h"
#include "tests/fuzz/allow_errors.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sd35;
  using namespace sd35::serving;
  const std::string_view bytes = text_of(data, size);
  if (const auto decoded = base64_decoded(bytes)) require(base64_decoded(base64_of(*decoded)) == decoded);
  const std::size_t head_bytes = head_size(bytes);
  require(head_bytes <= bytes.size());
  const HeadOrRefusal parsed = parse_request_head(bytes.substr(0, head_bytes));
  if (!parsed.head) {
    require(parsed.refusal.status >= 400 && !parsed.refusal.message.empty());
    check_line(parsed.refusal.message);
    return 0;
  }
  const Request& request = parsed.head->request;
  require(request.path.starts_with('/') && request.path.find('\0') == std::string::npos);
  require(request.headers.size() <= kMostFields && request.headers.count("Host") == 1);
  require(request.headers.count("Transfer-Encoding") == 0 && request.headers.count("Content-Length") <= 1);
  for (const auto& [name, value] : request.headers) {
    check_line(name);
    check_line(value);
  }
  AccessRules rules;
  rules.token = "secret";
  const Access access(rules);
  (void)access.check_host(request);
  (void)access.check_origin(request);
  (void)access.check_token(request);
  return 0;
}
