#include "serving/http/connection.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include "serving/http/answer_head.h"
#include "serving/http/base64.h"

namespace sd35::serving {
namespace {

using boost::system::error_code;

constexpr std::size_t kSlice = 64 * 1024;
constexpr std::size_t kBodyBytesPerSecond = 256 * 1024;
constexpr int kClientIsGone = 499;

const char* code_of(int status) {
  switch (status) {
    case 411:
      return "length_required";
    case 413:
      return "too_large";
    case 503:
      return "busy";
    default:
      return status == 500 ? "internal" : "bad_request";
  }
}

// `message`: without characters that JSON escapes.
Response error_response(const Refusal& refusal, const std::string& id) {
  return {refusal.status,
          {{"Content-Type", "application/json"}},
          std::string(R"({"error": {"code": ")") + code_of(refusal.status) + R"(", "message": ")" +
              refusal.message + R"(", "field": null, "request_id": ")" + id + "\"}}\n"};
}

std::string in_hexadecimal(std::size_t number) {
  std::string digits;
  do digits += "0123456789abcdef"[number % 16];
  while ((number /= 16) > 0);
  std::ranges::reverse(digits);
  return digits;
}

}  // namespace

// Forwards to the thread of the network.
class ConnectionExchange : public Exchange {
 public:
  ConnectionExchange(Request request, std::shared_ptr<Connection> connection, std::uint64_t serial)
      : Exchange(std::move(request)), connection_(std::move(connection)), serial_(serial) {}
  ~ConnectionExchange() override {
    on_network([](Connection& c, std::uint64_t serial) {
      c.respond(serial, error_response({500, "nobody answered"}, ""));
    });
  }

  void respond(Response response) override {
    on_network([response = std::move(response)](Connection& c, std::uint64_t serial) mutable {
      c.respond(serial, std::move(response));
    });
  }

  std::function<void()> stream(Response head, StreamSource source) override {
    on_network(
        [head = std::move(head), source = std::move(source)](Connection& c, std::uint64_t serial) mutable {
          c.stream(serial, std::move(head), std::move(source));
        });
    return [weak = std::weak_ptr(connection_), serial = serial_] {
      if (const auto connection = weak.lock())
        boost::asio::post(connection->socket_.get_executor(),
                          [connection, serial] { connection->wake(serial); });
    };
  }

  void on_disconnect(std::function<void()> callback) override {
    on_network([callback = std::move(callback)](Connection& c, std::uint64_t serial) mutable {
      c.watch(serial, std::move(callback));
    });
  }

 private:
  template <class Work>
  void on_network(Work work) {
    boost::asio::post(connection_->socket_.get_executor(),
                      [connection = connection_, serial = serial_, work = std::move(work)]() mutable {
                        work(*connection, serial);
                      });
  }

  std::shared_ptr<Connection> connection_;
  std::uint64_t serial_;
};

Connection::Connection(Socket socket, std::string peer, ConnectionContext& context)
    : socket_(std::move(socket)), peer_(std::move(peer)), context_(context), timer_(socket_.get_executor()) {}

void Connection::start() {
  set_deadline(context_.limits.head);
  read();
}

void Connection::refuse() {
  began_ = std::chrono::steady_clock::now();
  head_.request.peer = peer_;
  answer_error({503, "there are too many connections"});
}

void Connection::close_if_idle() {
  if (state_ == State::head && buffer_.empty()) close();
}

void Connection::close() {
  if (state_ == State::closed) return;
  const bool answering = state_ == State::answering;
  state_ = State::closed;
  timer_.cancel();
  error_code ignored;
  socket_.close(ignored);
  source_ = nullptr;
  const auto self = shared_from_this();  // `closed` forgets it
  if (answering) {
    if (const auto callback = std::exchange(disconnected_, nullptr)) callback();
    tell_of_end(kClientIsGone);
  }
  context_.closed(*this);
}

// --- reading

void Connection::read() {
  if (reading_ || state_ == State::closed) return;
  reading_ = true;
  socket_.async_read_some(boost::asio::buffer(chunk_),
                          [self = shared_from_this()](const error_code& error, std::size_t bytes) {
                            self->reading_ = false;
                            self->on_read(error, bytes);
                          });
}

void Connection::on_read(const error_code& error, std::size_t bytes) {
  if (state_ == State::closed) return;
  if (error) {
    // What is being written still leaves, if the client reads it.
    if (state_ == State::answering && answered_ && !source_ && error == boost::asio::error::eof)
      close_after_ = true;
    else
      close();
    return;
  }
  if (state_ == State::lingering) return read();
  if (state_ == State::head && buffer_.empty() && any_request_) set_deadline(context_.limits.head);
  buffer_.append(chunk_.data(), bytes);
  advance();
}

void Connection::advance() {
  if (state_ == State::head)
    take_head();
  else if (state_ == State::body)
    take_body();
  else if (state_ == State::answering && buffer_.size() < kMostHeadBytes)
    read();  // to notice that the client goes away
}

void Connection::take_head() {
  const std::size_t size = head_size(buffer_);
  if (size == 0 && buffer_.size() <= kMostHeadBytes) return read();
  began_ = std::chrono::steady_clock::now();
  any_request_ = true;
  head_ = {};
  HeadOrRefusal parsed =
      parse_request_head(size == 0 ? std::string_view(buffer_) : std::string_view(buffer_).substr(0, size));
  buffer_.erase(0, size);
  if (!parsed.head) return answer_error(parsed.refusal);
  begin_request(std::move(*parsed.head));
}

void Connection::begin_request(RequestHead head) {
  head_ = std::move(head);
  head_.request.peer = peer_;
  head_.request.id = random_id();
  ++serial_;
  close_after_ = !head_.keep_alive;
  if (std::optional<Response> refused = context_.hooks.gate(head_.request)) {
    state_ = State::answering;
    answered_ = false;
    // What is left of the body would be taken for a request.
    close_after_ = close_after_ || head_.content_length > 0;
    return respond(serial_, std::move(*refused));
  }
  if (head_.content_length > context_.limits.body_bytes)
    return answer_error(
        {413, "the body is larger than " + std::to_string(context_.limits.body_bytes) + " bytes"});
  if (head_.content_length == 0) return dispatch();
  if (!head_.expects_continue) return begin_body();
  state_ = State::body;
  write("HTTP/1.1 100 Continue\r\n\r\n", [this] { begin_body(); });
}

void Connection::begin_body() {
  state_ = State::body;
  const auto more = std::chrono::seconds(head_.content_length / kBodyBytesPerSecond);
  set_deadline(context_.limits.body + more);
  take_body();
}

void Connection::take_body() {
  if (writing_) return;  // of 100 Continue
  std::string& body = head_.request.body;
  const std::size_t taken = std::min<std::size_t>(head_.content_length - body.size(), buffer_.size());
  body.append(buffer_, 0, taken);
  buffer_.erase(0, taken);
  if (body.size() < head_.content_length) return read();
  dispatch();
}

void Connection::dispatch() {
  state_ = State::answering;
  answered_ = false;
  ++deadline_;  // handlers take as long as they take
  Request request = std::move(head_.request);
  head_.request = {};  // what the log and the last fields of the answer need
  for (std::string Request::*part : {&Request::method, &Request::path, &Request::peer, &Request::id})
    head_.request.*part = request.*part;
  head_.request.headers = request.headers;
  head_.request.minor_version = request.minor_version;
  context_.hooks.handler(
      std::make_shared<ConnectionExchange>(std::move(request), shared_from_this(), serial_));
  // After the handler, so that an answer that it gives at once is on its way before a client that has closed its
  // sending half counts as gone.
  if (state_ == State::answering) read();
}

// --- answering

void Connection::watch(std::uint64_t serial, std::function<void()> callback) {
  if (serial == serial_ && state_ == State::answering)
    disconnected_ = std::move(callback);
  else if (state_ == State::closed)
    callback();
}

void Connection::answer_error(const Refusal& refusal) {
  if (head_.request.id.empty()) head_.request.id = random_id();
  ++serial_;
  state_ = State::answering;
  answered_ = false;
  close_after_ = true;
  respond(serial_, error_response(refusal, head_.request.id));
}

void Connection::prepare(Response& response) {
  status_ = response.status;
  sent_ = 0;
  answered_ = true;
  close_after_ = close_after_ || context_.stopping;
  context_.hooks.complete(head_.request, response);
}

void Connection::respond(std::uint64_t serial, Response response) {
  if (serial != serial_ || state_ != State::answering || answered_) return;
  prepare(response);
  std::string bytes = answer_head(response, BodyEnd::length, response.body.size(), !close_after_);
  if (head_.request.method != "HEAD") bytes += response.body;
  write(std::move(bytes), [this] { finish_answer(); });
}

void Connection::stream(std::uint64_t serial, Response head, StreamSource source) {
  if (serial != serial_ || state_ != State::answering || answered_) return;
  prepare(head);
  chunked_ = head_.request.minor_version > 0;
  close_after_ = close_after_ || !chunked_;
  last_part_ = false;
  source_ = std::move(source);
  const bool only_head = head_.request.method == "HEAD";
  write(answer_head(head, chunked_ ? BodyEnd::chunks : BodyEnd::close, 0, !close_after_), [this, only_head] {
    if (only_head) return finish_answer();
    pump();
  });
}

void Connection::wake(std::uint64_t serial) {
  if (serial == serial_ && state_ == State::answering && source_ && !writing_) pump();
}

void Connection::pump() {
  const StreamPart part = source_();
  if (part.bytes.empty() && !part.last) return set_deadline(context_.limits.heartbeat);
  send_part(part);
}

void Connection::send_part(const StreamPart& part) {
  std::string bytes = part.bytes;
  if (chunked_) {
    if (!bytes.empty()) bytes = in_hexadecimal(bytes.size()) + "\r\n" + bytes + "\r\n";
    if (part.last) bytes += "0\r\n\r\n";
  }
  last_part_ = part.last;
  if (last_part_) source_ = nullptr;
  write(std::move(bytes), [this] {
    if (last_part_) return finish_answer();
    pump();
  });
}

void Connection::write(std::string bytes, std::function<void()> then) {
  writing_ = true;
  out_ = std::move(bytes);
  out_at_ = 0;
  then_ = std::move(then);
  write_slice();
}

void Connection::write_slice() {
  set_deadline(context_.limits.write);
  const std::size_t size = std::min(kSlice, out_.size() - out_at_);
  boost::asio::async_write(socket_, boost::asio::buffer(out_.data() + out_at_, size),
                           [self = shared_from_this()](const error_code& error, std::size_t bytes) {
                             if (self->state_ == State::closed) return;
                             if (error) return self->close();
                             self->out_at_ += bytes;
                             self->sent_ += bytes;
                             if (self->out_at_ < self->out_.size()) return self->write_slice();
                             self->writing_ = false;
                             self->out_ = {};
                             std::exchange(self->then_, nullptr)();
                           });
}

void Connection::finish_answer() {
  disconnected_ = nullptr;
  source_ = nullptr;
  tell_of_end(status_);
  ++serial_;
  if (close_after_ || context_.stopping) return linger();
  state_ = State::head;
  set_deadline(buffer_.empty() ? context_.limits.idle : context_.limits.head);
  advance();
}

void Connection::tell_of_end(int status) {
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - began_;
  context_.hooks.answered(head_.request, status, sent_, seconds.count());
}

// Closing while bytes of the client are unread would make the system drop the answer.
void Connection::linger() {
  state_ = State::lingering;
  error_code ignored;
  socket_.shutdown(Socket::shutdown_send, ignored);
  buffer_ = {};
  set_deadline(context_.limits.linger);
  read();
}

// --- time

void Connection::set_deadline(std::chrono::milliseconds duration) {
  const std::uint64_t number = ++deadline_;
  timer_.expires_after(duration);
  timer_.async_wait([self = shared_from_this(), number](const error_code& error) {
    if (!error && number == self->deadline_) self->on_deadline();
  });
}

void Connection::on_deadline() {
  if (state_ == State::answering && source_ && !writing_) return send_part({": still here\n\n", false});
  close();
}

}  // namespace sd35::serving
