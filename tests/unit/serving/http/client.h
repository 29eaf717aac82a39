// A client that sends bytes as they are.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <string>
#include <string_view>

namespace sd35::serving {

class Client {
 public:
  explicit Client(int port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval patience{30, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    EXPECT_EQ(::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  }
  ~Client() { ::close(socket_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void send(std::string_view bytes) const { (void)::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL); }
  void end_sending() const { ::shutdown(socket_, SHUT_WR); }

  // What comes until `mark` is there; all, if the server closes before.
  std::string read_until(std::string_view mark) {
    while (read_.find(mark) == read_.npos && read_more()) continue;
    const std::size_t at = read_.find(mark);
    const std::size_t size = at == read_.npos ? read_.size() : at + mark.size();
    const std::string bytes = read_.substr(0, size);
    read_.erase(0, size);
    return bytes;
  }
  // What comes until the server closes.
  std::string rest() {
    while (read_more()) continue;
    return std::exchange(read_, {});
  }

 private:
  bool read_more() {
    std::array<char, 65536> chunk{};
    const ssize_t bytes = ::recv(socket_, chunk.data(), chunk.size(), 0);
    if (bytes > 0) read_.append(chunk.data(), static_cast<std::size_t>(bytes));
    return bytes > 0;
  }

  int socket_;
  std::string read_;
};

}  // namespace sd35::serving
