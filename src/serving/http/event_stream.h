// Server-sent events, as the HTML standard has them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "serving/http/message.h"

namespace sd35::serving {

// One event. `data` is one line; empty `name`: without; `id` 0: without.
std::string event_text(std::string_view name, std::string_view data, std::uint64_t id = 0);

// The head of an answer of events.
Response event_stream_head();

// The number that a client sends to go on after: 0 where it sends none.
std::uint64_t last_event_id(const Request& request);

}  // namespace sd35::serving
