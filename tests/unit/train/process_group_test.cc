// Several processes of one run, on this machine.
#include "train/process_group.h"

#include <ATen/ATen.h>
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>

#include "core/error.h"
#include "tests/support/child_process.h"

namespace sd35::train {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kPatience{5000};

// Of this machine; nothing listens there.
int free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  EXPECT_EQ(bind(socket, reinterpret_cast<const sockaddr*>(&address), size), 0);
  EXPECT_EQ(getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size), 0);
  close(socket);
  return ntohs(address.sin_port);
}

// Joins the two processes and runs `body` in both; returns what waitpid() says of each.
template <class Body>
std::array<int, 2> run_two(Body body) {
  const std::string port = std::to_string(free_port());
  std::array<pid_t, 2> children{};
  for (int rank = 0; rank < 2; ++rank) {
    children.at(static_cast<std::size_t>(rank)) = fork();
    if (children.at(static_cast<std::size_t>(rank)) != 0) continue;
    setenv("WORLD_SIZE", "2", 1);
    setenv("RANK", std::to_string(rank).c_str(), 1);
    setenv("MASTER_ADDR", "127.0.0.1", 1);
    setenv("MASTER_PORT", port.c_str(), 1);
    try {
      body(*ProcessGroup::join("cpu", "a run", kPatience));
    } catch (const std::exception& error) {
      ADD_FAILURE() << "process " << rank << ": " << error.what();
    }
    _exit(testing::Test::HasFailure() ? 1 : 0);
  }
  std::array<int, 2> ends{-1, -1};
  for (std::size_t i = 0; i < 2; ++i) EXPECT_EQ(waitpid(children.at(i), &ends.at(i), 0), children.at(i));
  return ends;
}

TEST(ProcessGroupTest, WaitsForTheFirstLongerThanItsPatience) {
  const auto ends = run_two([](ProcessGroup& group) {
    bool worked = false;
    for (int i = 0; i < 2; ++i)
      group.first_alone([&] {
        std::this_thread::sleep_for(kPatience * 4 / 3);
        worked = true;
      });
    EXPECT_EQ(worked, group.is_first());
    const at::Tensor value = at::full({1}, group.rank() == 0 ? 1.0 : 2.0);
    group.average(value);
    EXPECT_EQ(value.item<double>(), 1.5);
  });
  EXPECT_EQ(ends, (std::array<int, 2>{0, 0}));
}

TEST(ProcessGroupTest, ThatTheFirstIsGoneIsAnError) {
  const auto ends =
      run_two([](ProcessGroup& group) { EXPECT_THROW(group.first_alone([] { _exit(3); }), Error); });
  EXPECT_EQ(WEXITSTATUS(ends[0]), 3);
  EXPECT_EQ(ends[1], 0);
}

}  // namespace
}  // namespace sd35::train
