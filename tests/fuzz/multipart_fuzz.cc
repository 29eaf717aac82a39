// Reads the input as a form, whose boundary is its first line, and as the type that names a boundary. Parts must
// lie inside the body, in their order.
#include "serving/http/multipart.h"
#include "serving/http/target.h"
#include "tests/fuzz/allow_errors.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sd35;
  using namespace sd35::serving;
  const std::string_view text = text_of(data, size);
  if (const auto boundary = multipart_boundary(text)) require(!boundary->empty() && boundary->size() <= 70);
  if (const auto target = target_from_text(text)) require(target->path.starts_with('/'));
  const std::size_t line = text.find('\n');
  if (line == text.npos || line == 0) return 0;
  const std::string_view body = text.substr(line + 1);
  const auto parts = multipart_parts(body, text.substr(0, line));
  if (!parts) return 0;
  require(parts->size() <= kMostParts);
  const char* at = body.data();
  for (const FormPart& part : *parts) {
    if (part.content.empty()) continue;
    require(part.content.data() >= at &&
            part.content.data() + part.content.size() <= body.data() + body.size());
    at = part.content.data() + part.content.size();
  }
  return 0;
}
