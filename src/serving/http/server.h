// An HTTP/1.1 server, without what its answers are.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "serving/http/exchange.h"
#include "serving/http/message.h"

namespace sd35::serving {

struct ServerLimits {
  std::size_t body_bytes = 32'000'000;
  int connections = 256;
  int connections_per_address = 32;         // of addresses other than loopback; 0: any number
  std::chrono::milliseconds head{10'000};   // from the first byte, or from accepting, to the last of the head
  std::chrono::milliseconds idle{60'000};   // between requests
  std::chrono::milliseconds body{30'000};   // and a second more for every 256 kB
  std::chrono::milliseconds write{30'000};  // of each 64 kB
  std::chrono::milliseconds linger{2'000};  // reading on after an answer that closes, so that it arrives
  std::chrono::milliseconds heartbeat{15'000};
};

struct ServerHooks {
  // Asked as soon as the head is there: an answer refuses the request, whose body is not read.
  std::function<std::optional<Response>(const Request&)> gate;
  std::function<void(std::shared_ptr<Exchange>)> handler;
  // Adds the fields that every answer has.
  std::function<void(const Request&, Response&)> complete;
  // An answer has left, or its client is gone (then `status` is 499).
  std::function<void(const Request&, int status, std::uint64_t bytes, double seconds)> answered;
};

struct Address {
  std::string host;  // of IPv4 or IPv6, or "localhost"
  int port = 0;      // 0: one that is free
};

// All hooks are called by the thread that is in run(). The other functions are for any thread.
class Server {
 public:
  Server(ServerLimits limits, ServerHooks hooks);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Returns the address with its port. Throws ArgumentError for what is no address and FileError where it
  // cannot be had.
  Address listen(const Address& address);
  // Serves until stop().
  void run();
  // From now on there are no new connections, and those that wait for a request are closed.
  void stop_accepting();
  // Ends run(), cutting what is being answered.
  void stop();

  int connections() const;
  // Runs `work` on the thread of the network.
  void post(std::function<void()> work);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sd35::serving
