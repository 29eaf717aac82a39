#include "serving/http/event_stream.h"

#include <charconv>

namespace sd35::serving {

std::string event_text(std::string_view name, std::string_view data, std::uint64_t id) {
  std::string text;
  if (id > 0) text += "id: " + std::to_string(id) + "\n";
  if (!name.empty()) text += "event: " + std::string(name) + "\n";
  return text + "data: " + std::string(data) + "\n\n";
}

Response event_stream_head() {
  // The last keeps reverse proxies from waiting for more.
  return {200, {{"Content-Type", "text/event-stream"}, {"X-Accel-Buffering", "no"}}, ""};
}

std::uint64_t last_event_id(const Request& request) {
  const std::string_view text = request.headers.value("Last-Event-ID");
  std::uint64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  return error == std::errc() && end == text.data() + text.size() ? id : 0;
}

}  // namespace sd35::serving
