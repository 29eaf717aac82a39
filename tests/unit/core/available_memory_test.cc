// What is left of the machine's memory, on systems made of files.
#include "core/available_memory.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/temporary_folder.h"

namespace sd35 {
namespace {

namespace fs = std::filesystem;

class AvailableMemoryTest : public testing::Test {
 protected:
  AvailableMemoryTest() : system_{"", folder_ / "cgroup", folder_ / "membership", folder_ / "meminfo"} {
    write("meminfo", "MemTotal:  8000 kB\nMemFree:  1000 kB\nMemAvailable:    6000 kB\nBuffers: 5 kB");
  }

  void write(const std::string& name, const std::string& text) {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << text << "\n";
  }

  std::uint64_t kilobytes() const { return available_memory(system_) / 1024; }

  TemporaryFolder folder_;
  SystemFolders system_;
};

TEST_F(AvailableMemoryTest, IsWhatTheMachineHas) {
  EXPECT_EQ(kilobytes(), 6000u);
  write("membership", "0::/a/b");
  write("cgroup/a/b/memory.max", "max");
  write("cgroup/a/b/memory.current", "1000000");
  EXPECT_EQ(kilobytes(), 6000u);
  fs::remove(folder_ / "meminfo");
  EXPECT_EQ(kilobytes(), 0u) << "unknown";
}

TEST_F(AvailableMemoryTest, IsWithinTheTightestGroupOfVersion2) {
  write("membership", "0::/a/b");
  write("cgroup/a/memory.max", std::to_string(4000 * 1024));
  write("cgroup/a/memory.current", std::to_string(3000 * 1024));
  EXPECT_EQ(kilobytes(), 1000u);
  write("cgroup/a/memory.stat", "anon 5\ninactive_file " + std::to_string(500 * 1024));
  EXPECT_EQ(kilobytes(), 1500u) << "pages of files make way";
  write("cgroup/a/b/memory.max", std::to_string(200 * 1024));
  write("cgroup/a/b/memory.current", std::to_string(300 * 1024));
  EXPECT_EQ(kilobytes(), 0u) << "more is used than allowed";
}

TEST_F(AvailableMemoryTest, IsWithinGroupsOfVersion1) {
  write("membership", "7:cpu,cpuacct:/x\n4:memory:/docker/y");
  write("cgroup/memory/memory.limit_in_bytes", std::to_string(2000 * 1024));  // a container's root
  write("cgroup/memory/memory.usage_in_bytes", std::to_string(900 * 1024));
  write("cgroup/memory/memory.stat", "total_inactive_file " + std::to_string(100 * 1024));
  write("cgroup/cpu/memory.limit_in_bytes", "1");
  write("cgroup/cpu/memory.usage_in_bytes", "1");
  EXPECT_EQ(kilobytes(), 1200u);
}

TEST(AvailableMemory, OfThisMachineIsKnown) { EXPECT_GT(available_memory(), 1'000'000u); }

}  // namespace
}  // namespace sd35
