// A connection of a client: a small machine of states that reads heads and bodies and writes answers. Private
// to this folder.
#pragma once

#include <array>
#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>  // which Boost 1.74 forgets

#include "serving/http/exchange.h"
#include "serving/http/request_head.h"
#include "serving/http/server.h"

namespace sd35::serving {

class Connection;

// What the connections of a server share.
struct ConnectionContext {
  ServerLimits limits;
  ServerHooks hooks;
  bool stopping = false;                    // no request after the one that is being answered
  std::function<void(Connection&)> closed;  // called once
};

// Everything but what ConnectionExchange calls runs on the thread of the network.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using Socket = boost::asio::ip::tcp::socket;

  Connection(Socket socket, std::string peer, ConnectionContext& context);

  void start();
  // Tells the client that there are too many, and ends.
  void refuse();
  // Ends unless a request is being read or answered.
  void close_if_idle();
  void close();
  const std::string& peer() const { return peer_; }

 private:
  friend class ConnectionExchange;
  enum class State { head, body, answering, lingering, closed };

  // Reading: one operation at a time, whatever the state is.
  void read();
  void on_read(const boost::system::error_code& error, std::size_t bytes);
  void advance();
  void take_head();
  void take_body();
  void begin_request(RequestHead head);
  void begin_body();
  void dispatch();

  // Answering the request `serial_`.
  void respond(std::uint64_t serial, Response response);
  void stream(std::uint64_t serial, Response head, StreamSource source);
  void wake(std::uint64_t serial);
  void watch(std::uint64_t serial, std::function<void()> callback);
  void answer_error(const Refusal& refusal);
  void prepare(Response& response);
  void pump();
  void send_part(const StreamPart& part);
  void write(std::string bytes, std::function<void()> then);
  void write_slice();
  void finish_answer();
  void linger();
  void tell_of_end(int status);

  void set_deadline(std::chrono::milliseconds duration);
  void on_deadline();

  Socket socket_;
  std::string peer_;
  ConnectionContext& context_;
  boost::asio::steady_timer timer_;
  std::uint64_t deadline_ = 0;  // number of the one that counts
  State state_ = State::head;
  bool reading_ = false;
  bool any_request_ = false;

  std::string buffer_;  // that is read and not yet taken
  std::array<char, 16 * 1024> chunk_{};
  RequestHead head_;
  std::chrono::steady_clock::time_point began_;

  std::uint64_t serial_ = 0;
  bool answered_ = false;     // respond() or stream() was called
  bool close_after_ = false;  // the answer
  int status_ = 0;
  std::uint64_t sent_ = 0;
  std::function<void()> disconnected_;
  StreamSource source_;
  bool chunked_ = false;
  bool last_part_ = false;

  bool writing_ = false;
  std::string out_;
  std::size_t out_at_ = 0;
  std::function<void()> then_;
};

}  // namespace sd35::serving
