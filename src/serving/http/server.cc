#include "serving/http/server.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <set>
#include <utility>  // which Boost 1.74 forgets

#include "core/error.h"
#include "core/messages.h"
#include "serving/http/access.h"
#include "serving/http/connection.h"

namespace sd35::serving {
namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;

// Connections beyond the limit that are told so before they are closed.
constexpr std::size_t kRefusedAtOnce = 64;
constexpr std::chrono::milliseconds kAfterFailedAccept{100};

tcp::endpoint endpoint_of(const Address& address) {
  error_code error;
  const std::string host = address.host == "localhost" ? "127.0.0.1" : address.host;
  const auto parsed = boost::asio::ip::make_address(host, error);
  if (error)
    throw ArgumentError("--host takes an address such as 127.0.0.1, 0.0.0.0 or ::1, not " + in_quotes(host));
  return {parsed, static_cast<unsigned short>(address.port)};
}

std::string name_of(const Address& address) {
  return in_quotes(address.host + ":" + std::to_string(address.port));
}

}  // namespace

class Server::Impl {
 public:
  Impl(ServerLimits limits, ServerHooks hooks) : retry_(io_) {
    context_.limits = limits;
    context_.hooks = std::move(hooks);
    context_.closed = [this](Connection& connection) { forget(connection); };
  }

  Address listen(const Address& address) {
    const tcp::endpoint endpoint = endpoint_of(address);
    auto acceptor = std::make_unique<tcp::acceptor>(io_);
    try {
      acceptor->open(endpoint.protocol());
      acceptor->set_option(tcp::acceptor::reuse_address(true));
      acceptor->bind(endpoint);
      acceptor->listen();
    } catch (const boost::system::system_error& error) {
      throw FileError("cannot listen on " + name_of(address) + ": " + error.code().message());
    }
    const int port = acceptor->local_endpoint().port();
    acceptors_.push_back(std::move(acceptor));
    accept(*acceptors_.back());
    return {address.host, port};
  }

  void run() {
    while (!io_.stopped()) {
      try {
        io_.run();
      } catch (const std::exception&) {
        // Memory ran out for one connection, as a rule, which its deadline closes. The others go on.
      }
    }
  }
  void stop() { io_.stop(); }
  int connections() const { return count_; }
  void post(std::function<void()> work) { boost::asio::post(io_, std::move(work)); }

  void stop_accepting() {
    boost::asio::post(io_, [this] {
      context_.stopping = true;
      error_code ignored;
      for (const auto& acceptor : acceptors_) acceptor->close(ignored);
      const auto connections = connections_;
      for (const auto& connection : connections) connection->close_if_idle();
    });
  }

 private:
  void accept(tcp::acceptor& acceptor) {
    acceptor.async_accept([this, &acceptor](const error_code& error, tcp::socket socket) {
      if (!acceptor.is_open()) return;
      if (!error) {
        take(std::move(socket));
        return accept(acceptor);
      }
      // Too many open files, as a rule: some will be closed.
      retry_.expires_after(kAfterFailedAccept);
      retry_.async_wait([this, &acceptor](const error_code&) {
        if (acceptor.is_open()) accept(acceptor);
      });
    });
  }

  void take(tcp::socket socket) {
    error_code error;
    const tcp::endpoint remote = socket.remote_endpoint(error);
    if (error) return;
    socket.set_option(tcp::no_delay(true), error);
    const std::string peer = remote.address().to_string();
    const std::size_t most = static_cast<std::size_t>(context_.limits.connections);
    if (connections_.size() >= most + kRefusedAtOnce) return;
    const auto connection = std::make_shared<Connection>(std::move(socket), peer, context_);
    connections_.insert(connection);
    const int of_this_peer = ++of_peers_[peer];
    count_ = static_cast<int>(connections_.size());
    const int most_of_peer = context_.limits.connections_per_address;
    const bool crowded = most_of_peer > 0 && !is_loopback(peer) && of_this_peer > most_of_peer;
    if (connections_.size() > most || crowded) return connection->refuse();
    connection->start();
  }

  void forget(Connection& connection) {
    if (const auto found = of_peers_.find(connection.peer());
        found != of_peers_.end() && --found->second == 0)
      of_peers_.erase(found);
    connections_.erase(connection.shared_from_this());
    count_ = static_cast<int>(connections_.size());
  }

  // Before `io_`, whose end lets go of the last operations, which use it.
  ConnectionContext context_;
  std::map<std::string, int> of_peers_;
  std::atomic<int> count_ = 0;
  boost::asio::io_context io_{1};
  boost::asio::steady_timer retry_;
  std::vector<std::unique_ptr<tcp::acceptor>> acceptors_;
  std::set<std::shared_ptr<Connection>> connections_;
};

Server::Server(ServerLimits limits, ServerHooks hooks)
    : impl_(std::make_unique<Impl>(limits, std::move(hooks))) {}
Server::~Server() = default;

Address Server::listen(const Address& address) { return impl_->listen(address); }
void Server::run() { impl_->run(); }
void Server::stop_accepting() { impl_->stop_accepting(); }
void Server::stop() { impl_->stop(); }
int Server::connections() const { return impl_->connections(); }
void Server::post(std::function<void()> work) { impl_->post(std::move(work)); }

}  // namespace sd35::serving
