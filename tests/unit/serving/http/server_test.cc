// The server on a port of this machine, with clients that behave and clients that do not.
#include "serving/http/server.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <mutex>
#include <thread>
#include <vector>

#include "sd35/error.h"
#include "tests/unit/serving/http/client.h"

namespace sd35::serving {
namespace {

using namespace std::chrono_literals;

class ServerTest : public testing::Test {
 protected:
  void start(ServerLimits limits = {}) {
    ServerHooks hooks;
    hooks.gate = [](const Request& request) -> std::optional<Response> {
      if (request.path == "/refused") return Response{403, {}, "no"};
      return std::nullopt;
    };
    hooks.handler = [this](const std::shared_ptr<Exchange>& exchange) { handle(exchange); };
    hooks.complete = [](const Request& request, Response& response) {
      response.headers.set("X-Id", request.id);
    };
    hooks.answered = [this](const Request& request, int status, std::uint64_t, double) {
      const std::lock_guard lock(mutex_);
      answered_.push_back(request.path + " " + std::to_string(status));
    };
    server_.emplace(limits, hooks);
    port_ = server_->listen({"127.0.0.1", 0}).port;
    thread_ = std::thread([this] { server_->run(); });
  }
  void TearDown() override {
    server_->stop();
    thread_.join();
    kept_.clear();
    server_.reset();
  }

  void handle(const std::shared_ptr<Exchange>& exchange) {
    const std::string& path = exchange->request().path;
    if (path == "/echo") return exchange->respond({200, {}, exchange->request().body});
    if (path == "/large") return exchange->respond({200, {}, std::string(50'000'000, 'x')});
    if (path == "/forgotten") return;
    if (path == "/waits") {
      exchange->on_disconnect([this] { gone_.set_value(); });
      kept_.push_back(exchange);
      ++waiting_;
      return;
    }
    if (path == "/elsewhere") {
      std::thread([exchange] { exchange->respond({200, {}, "from another thread"}); }).detach();
      return;
    }
    if (path == "/numbers") {
      auto next = std::make_shared<int>(0);
      exchange->stream({200, {{"Content-Type", "text/event-stream"}}, ""}, [next] {
        ++*next;
        return StreamPart{std::to_string(*next) + "\n", *next == 3};
      });
      return;
    }
    if (path == "/endless") {
      exchange->on_disconnect([this] { gone_.set_value(); });
      exchange->stream({200, {}, ""}, [this] {
        ++parts_;
        return StreamPart{std::string(100'000, 'y'), false};
      });
      return;
    }
    if (path == "/silent") {
      exchange->stream({200, {}, ""}, [] { return StreamPart{}; });
      return;
    }
    exchange->respond({404, {}, "nothing"});
  }

  static std::string get(const std::string& path, const std::string& fields = "") {
    return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n" + fields + "\r\n";
  }
  static std::string post(const std::string& path, const std::string& body, const std::string& fields = "") {
    return "POST " + path + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n" + fields + "\r\n" + body;
  }
  std::vector<std::string> answered() {
    const std::lock_guard lock(mutex_);
    return answered_;
  }
  void until_no_connections() const {
    while (server_->connections() > 0) std::this_thread::sleep_for(1ms);
  }

  std::optional<Server> server_;
  int port_ = 0;
  std::thread thread_;
  std::vector<std::shared_ptr<Exchange>> kept_;
  std::atomic<int> waiting_ = 0;
  std::promise<void> gone_;
  std::atomic<int> parts_ = 0;
  std::mutex mutex_;
  std::vector<std::string> answered_;
};

TEST_F(ServerTest, ServesRequestsOfOneConnectionInTheirOrder) {
  start();
  Client client(port_);
  client.send(post("/echo", "one") + get("/elsewhere") + post("/echo", "three", "Connection: close\r\n"));
  const std::string all = client.rest();
  const std::size_t one = all.find("one"), two = all.find("from another thread"), three = all.find("three");
  EXPECT_LT(one, two);
  EXPECT_LT(two, three);
  EXPECT_NE(three, all.npos);
  EXPECT_NE(all.find("X-Id: "), all.npos);
}

TEST_F(ServerTest, TakesHeadsAndBodiesByteByByte) {
  start();
  Client client(port_);
  for (const char c : post("/echo", "slowly", "Connection: close\r\n")) client.send({&c, 1});
  EXPECT_TRUE(client.rest().ends_with("\r\n\r\nslowly"));
}

TEST_F(ServerTest, AnswersHeadsWithoutBodies) {
  start();
  Client client(port_);
  client.send("HEAD /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const std::string answer = client.rest();
  EXPECT_NE(answer.find("Content-Length: 50000000\r\n"), answer.npos);
  EXPECT_TRUE(answer.ends_with("\r\n\r\n"));
}

TEST_F(ServerTest, SendsLargeAnswersWhole) {
  start();
  Client client(port_);
  client.send(get("/large", "Connection: close\r\n"));
  client.read_until("\r\n\r\n");
  EXPECT_EQ(client.rest().size(), 50'000'000u);
}

TEST_F(ServerTest, RefusesBeforeTheBody) {
  ServerLimits limits;
  limits.body_bytes = 10;
  start(limits);
  for (const auto& [bytes, status] :
       {std::pair(post("/echo", "12345678901"), "413 "), std::pair(post("/refused", "1234"), "403 "),
        std::pair(std::string("rubbish\r\n\r\n"), "400 "),
        std::pair(get("/", "X: " + std::string(17'000, 'x') + "\r\n"), "431 "),
        std::pair(std::string(20'000, 'x'), "431 ")}) {
    Client client(port_);
    client.send(bytes);
    const std::string answer = client.rest();
    EXPECT_EQ(answer.find(status), 9u) << answer;
    EXPECT_EQ(answer.find("HTTP/1.1 ", 1), answer.npos) << answer;
  }
}

TEST_F(ServerTest, SaysWhetherItWantsTheBody) {
  ServerLimits limits;
  limits.body_bytes = 10;
  start(limits);
  Client client(port_);
  client.send(
      "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("ok");
  EXPECT_TRUE(client.rest().ends_with("ok"));
  Client other(port_);
  other.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_TRUE(other.rest().starts_with("HTTP/1.1 413 "));
}

TEST_F(ServerTest, StreamsInChunksOrUntilTheEnd) {
  start();
  Client client(port_);
  client.send(get("/numbers"));
  EXPECT_NE(client.read_until("\r\n\r\n").find("Transfer-Encoding: chunked"), std::string::npos);
  EXPECT_EQ(client.read_until("0\r\n\r\n"), "2\r\n1\n\r\n2\r\n2\n\r\n2\r\n3\n\r\n0\r\n\r\n");
  client.send(get("/numbers", "Connection: close\r\n"));
  EXPECT_TRUE(client.rest().ends_with("0\r\n\r\n"));
  Client old(port_);
  old.send("GET /numbers HTTP/1.0\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(old.rest().ends_with("Connection: close\r\n\r\n1\n2\n3\n"));
}

TEST_F(ServerTest, KeepsStreamsAlive) {
  ServerLimits limits;
  limits.heartbeat = 10ms;
  start(limits);
  Client client(port_);
  client.send(get("/silent"));
  client.read_until("\r\n\r\n");
  for (int i = 0; i < 3; ++i) EXPECT_NE(client.read_until(": still here\n\n").find(':'), std::string::npos);
}

TEST_F(ServerTest, ReadsNoFasterThanAClientAndDropsOneThatDoesNotRead) {
  ServerLimits limits;
  limits.write = 100ms;
  start(limits);
  const Client client(port_);
  client.send(get("/endless"));
  gone_.get_future().wait();
  EXPECT_LT(parts_, 500);
  until_no_connections();
}

TEST_F(ServerTest, DropsClientsThatSendSlowly) {
  ServerLimits limits;
  limits.head = 50ms;
  limits.body = 50ms;
  limits.idle = 50ms;
  start(limits);
  Client head(port_), body(port_), idle(port_), nothing(port_);
  head.send("GET / HT");
  body.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab");
  idle.send(post("/echo", "x"));
  EXPECT_EQ(head.rest(), "");
  EXPECT_EQ(body.rest(), "");
  EXPECT_TRUE(idle.rest().ends_with("x"));
  EXPECT_EQ(nothing.rest(), "");
  until_no_connections();
}

TEST_F(ServerTest, TellsOfClientsThatGoAway) {
  start();
  {
    const Client client(port_);
    client.send(get("/waits"));
    while (waiting_ == 0) std::this_thread::sleep_for(1ms);
  }
  gone_.get_future().wait();
  until_no_connections();
  EXPECT_EQ(answered(), std::vector<std::string>{"/waits 499"});
}

TEST_F(ServerTest, ForgottenRequestsAreAnswered) {
  start();
  Client client(port_);
  client.send(get("/forgotten", "Connection: close\r\n"));
  EXPECT_TRUE(client.rest().starts_with("HTTP/1.1 500 "));
}

TEST_F(ServerTest, HasRoomForSoManyConnections) {
  ServerLimits limits;
  limits.connections = 2;
  start(limits);
  Client a(port_), b(port_);
  a.send(post("/echo", "x"));
  b.send(post("/echo", "y"));
  EXPECT_TRUE(a.read_until("\r\n\r\nx").ends_with("x"));
  EXPECT_TRUE(b.read_until("\r\n\r\ny").ends_with("y"));
  Client c(port_);
  EXPECT_TRUE(c.rest().starts_with("HTTP/1.1 503 "));
}

TEST_F(ServerTest, StopsAccepting) {
  start();
  Client idle(port_), busy(port_);
  idle.send(post("/echo", "x"));
  idle.read_until("\r\n\r\nx");
  busy.send(get("/waits"));
  while (waiting_ == 0) std::this_thread::sleep_for(1ms);
  server_->stop_accepting();
  EXPECT_EQ(idle.rest(), "");
  server_->post([this] {
    for (const auto& exchange : kept_) exchange->respond({200, {}, "at last"});
  });
  EXPECT_TRUE(busy.rest().ends_with("at last"));
}

TEST_F(ServerTest, RefusesAddressesThatItCannotHave) {
  start();
  EXPECT_THROW(server_->listen({"example.org", 0}), ArgumentError);
  EXPECT_THROW(server_->listen({"127.0.0.1", port_}), FileError);
}

}  // namespace
}  // namespace sd35::serving
