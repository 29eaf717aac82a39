#include "core/cores.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "core/threads.h"
#include "tests/support/temporary_folder.h"

namespace sd35 {
namespace {

namespace fs = std::filesystem;

// A system of its own: four CPUs on two cores, no quota.
class CoresTest : public testing::Test {
 protected:
  CoresTest() : system_{folder_ / "cpu", folder_ / "cgroup", folder_ / "membership"} {
    for (int cpu = 0; cpu < 4; ++cpu)
      write("cpu/cpu" + std::to_string(cpu) + "/topology/thread_siblings_list", cpu % 2 == 0 ? "0,2" : "1,3");
  }

  void write(const std::string& name, const std::string& text) {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << text << "\n";
  }

  TemporaryFolder folder_;
  SystemFolders system_;
};

TEST_F(CoresTest, HyperThreadsOfACoreCountOnce) {
  EXPECT_EQ(physical_cores({0, 1, 2, 3}, system_), 2);
  EXPECT_EQ(physical_cores({0, 2}, system_), 1);
  EXPECT_EQ(physical_cores({0, 3}, system_), 2);
  EXPECT_EQ(physical_cores({7, 8}, system_), 2) << "CPUs of which the system says nothing";
  EXPECT_EQ(usable_cores({}, system_), 1);
}

TEST_F(CoresTest, WithoutAQuotaCoresDecide) {
  EXPECT_TRUE(std::isinf(cgroup_cpus(system_))) << "no files at all";
  write("membership", "0::/a/b");
  write("cgroup/a/b/cpu.max", "max 100000");
  EXPECT_TRUE(std::isinf(cgroup_cpus(system_)));
  write("membership", "3:cpu,cpuacct:/a");
  write("cgroup/cpu/a/cpu.cfs_quota_us", "-1");
  write("cgroup/cpu/a/cpu.cfs_period_us", "100000");
  EXPECT_TRUE(std::isinf(cgroup_cpus(system_)));
  EXPECT_EQ(usable_cores({0, 1, 2, 3}, system_), 2);
}

TEST_F(CoresTest, AQuotaOfVersion2IsRoundedUp) {
  write("membership", "0::/a/b");
  write("cgroup/a/b/cpu.max", "50000 100000");
  EXPECT_EQ(cgroup_cpus(system_), 0.5);
  EXPECT_EQ(usable_cores({0, 1, 2, 3}, system_), 1);
  write("cgroup/a/b/cpu.max", "110000 100000");
  EXPECT_EQ(usable_cores({0, 1, 2, 3}, system_), 2);
  write("cgroup/a/b/cpu.max", "900000 100000");
  EXPECT_EQ(usable_cores({0, 1, 2, 3}, system_), 2) << "a quota adds no cores";
}

TEST_F(CoresTest, TheTightestGroupAboveDecides) {
  write("membership", "1:name=systemd:/a\n0::/a/b");
  write("cgroup/a/cpu.max", "150000 100000");
  write("cgroup/a/b/cpu.max", "max 100000");
  EXPECT_EQ(cgroup_cpus(system_), 1.5);
}

TEST_F(CoresTest, AContainerSeesItsGroupAsTheRoot) {
  write("membership", "0::/");
  write("cgroup/cpu.max", "100000 100000");
  EXPECT_EQ(cgroup_cpus(system_), 1);
  write("membership", "4:cpu,cpuacct:/docker/0123");
  write("cgroup/cpu/cpu.cfs_quota_us", "200000");
  write("cgroup/cpu/cpu.cfs_period_us", "100000");
  EXPECT_EQ(cgroup_cpus(system_), 2);
}

TEST_F(CoresTest, AQuotaOfVersion1) {
  write("membership", "5:cpuset:/x\n4:cpuacct,cpu:/a/b\n0::/a/b");
  write("cgroup/cpu/a/b/cpu.cfs_quota_us", "25000");
  write("cgroup/cpu/a/b/cpu.cfs_period_us", "50000");
  EXPECT_EQ(cgroup_cpus(system_), 0.5);
}

TEST_F(CoresTest, TheMaskIsThatOfTheThread) {
  const std::vector<int> all = affinity_mask();
  ASSERT_FALSE(all.empty());
  std::vector<int> one;
  std::thread([&] {
    cpu_set_t mask;
    CPU_ZERO(&mask);
    CPU_SET(static_cast<std::size_t>(all.back()), &mask);
    ASSERT_EQ(sched_setaffinity(0, sizeof mask, &mask), 0);
    one = affinity_mask();
  }).join();
  EXPECT_EQ(one, std::vector{all.back()});
  EXPECT_EQ(affinity_mask(), all);
}

// CTest runs this once more under taskset with one CPU, which EXPECTED_CORES then says.
TEST_F(CoresTest, DefaultThreadsAreThoseOfThisProcess) {
  const char* expected = std::getenv("EXPECTED_CORES");
  EXPECT_EQ(thread_count(), expected != nullptr ? std::atoi(expected) : usable_cores(affinity_mask()));
}

}  // namespace
}  // namespace sd35
