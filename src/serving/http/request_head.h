// The head of a request, from bytes of the network.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "serving/http/message.h"

namespace sd35::serving {

constexpr std::size_t kMostHeadBytes = 16 * 1024;
constexpr std::size_t kMostFields = 100;

struct RequestHead {
  Request request;  // all but body, peer and id
  std::uint64_t content_length = 0;
  bool keep_alive = false;        // the connection may serve another request afterwards
  bool expects_continue = false;  // the client waits for 100 before it sends the body
};

// Why a head is refused: a status of HTTP and a line for the client.
struct Refusal {
  int status = 400;
  std::string message;
};

struct HeadOrRefusal {
  std::optional<RequestHead> head;
  Refusal refusal;  // where there is no head
};

// Bytes of the head that `bytes` begin with, its empty line included; 0: it is not complete. Empty lines before
// the first one count as part of it.
std::size_t head_size(std::string_view bytes);

// `bytes`: a whole head. What a second program between us and the client could understand otherwise is
// refused: bytes and lines that RFC 9112 does not have, folded lines, several lengths or hosts, any transfer
// encoding (411, so bodies always have a length).
HeadOrRefusal parse_request_head(std::string_view bytes);

}  // namespace sd35::serving
