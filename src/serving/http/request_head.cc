#include "serving/http/request_head.h"

#include <algorithm>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <charconv>
#include <utility>  // which Boost 1.74 forgets

#include "serving/http/target.h"

namespace sd35::serving {
namespace {

namespace http = boost::beast::http;

constexpr std::string_view kEnd = "\r\n\r\n";

HeadOrRefusal refuse(int status, std::string message) { return {std::nullopt, {status, std::move(message)}}; }

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

// What the parser lets pass. Nullptr: nothing is wrong.
const char* wrong_in_lines(std::string_view bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto c = static_cast<unsigned char>(bytes[i]);
    if (c == '\r' && (i + 1 == bytes.size() || bytes[i + 1] != '\n'))
      return "a line of the head ends with CR alone";
    if (c == '\n' && (i == 0 || bytes[i - 1] != '\r')) return "a line of the head ends with LF alone";
    if (c == '\n' && i + 1 < bytes.size() && (bytes[i + 1] == ' ' || bytes[i + 1] == '\t'))
      return "a field of the head goes on in a second line";
    if ((c < 0x20 && c != '\t' && c != '\r' && c != '\n') || c == 0x7f)
      return "the head holds a control character";
  }
  return nullptr;
}

bool parse_length(std::string_view text, std::uint64_t& length) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

// Reads what decides where the body ends.
std::optional<Refusal> read_framing(RequestHead& head) {
  const Headers& headers = head.request.headers;
  if (headers.count("Transfer-Encoding") > 0)
    return Refusal{411, "a body needs a Content-Length; Transfer-Encoding is not taken"};
  if (headers.count("Content-Length") > 1) return Refusal{400, "there are several Content-Length fields"};
  if (const std::string* length = headers.find("Content-Length"))
    if (!parse_length(*length, head.content_length))
      return Refusal{400, "Content-Length is not a number of bytes"};
  if (headers.count("Host") != 1 || headers.value("Host").empty())
    return Refusal{400, "a request names exactly one Host"};
  if (const std::string* expect = headers.find("Expect")) {
    if (!same_name(*expect, "100-continue")) return Refusal{417, "of Expect only 100-continue is known"};
    head.expects_continue = head.request.minor_version > 0 && head.content_length > 0;
  }
  const std::string_view connection = headers.value("Connection");
  head.keep_alive =
      head.request.minor_version > 0 ? !lists(connection, "close") : lists(connection, "keep-alive");
  return std::nullopt;
}

}  // namespace

std::size_t head_size(std::string_view bytes) {
  std::size_t begin = 0;
  while (bytes.substr(begin).starts_with("\r\n")) begin += 2;
  const std::size_t end = bytes.find(kEnd, begin);
  return end == bytes.npos ? 0 : end + kEnd.size();
}

HeadOrRefusal parse_request_head(std::string_view bytes) {
  while (bytes.starts_with("\r\n")) bytes.remove_prefix(2);
  if (bytes.size() > kMostHeadBytes) return refuse(431, "the head is longer than 16 kB");
  if (const char* wrong = wrong_in_lines(bytes)) return refuse(400, wrong);
  http::request_parser<http::empty_body> parser;
  parser.header_limit(kMostHeadBytes);
  parser.body_limit(boost::none);
  parser.skip(true);  // the body, which is read by its length
  boost::beast::error_code error;
  parser.put(boost::asio::buffer(bytes.data(), bytes.size()), error);
  if (error || !parser.is_header_done()) return refuse(400, "the head is not one of HTTP/1.1");
  const auto& parsed = parser.get();
  if (parsed.version() != 11 && parsed.version() != 10)
    return refuse(505, "the server speaks HTTP/1.1 and 1.0");

  RequestHead head;
  Request& request = head.request;
  request.method = view(parsed.method_string());
  request.minor_version = static_cast<int>(parsed.version()) - 10;
  std::optional<Target> target = target_from_text(view(parsed.target()));
  if (!target) return refuse(400, "the target of the request is malformed");
  request.path = std::move(target->path);
  request.query = std::move(target->query);
  for (const auto& field : parsed)
    request.headers.add(std::string(view(field.name_string())), std::string(trimmed(view(field.value()))));
  if (request.headers.size() > kMostFields) return refuse(431, "the head has more than 100 fields");
  if (std::optional<Refusal> refusal = read_framing(head)) return {std::nullopt, std::move(*refusal)};
  return {std::move(head), {}};
}

}  // namespace sd35::serving
