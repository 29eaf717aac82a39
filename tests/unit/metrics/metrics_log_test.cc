#include "metrics/metrics_log.h"

#include <gtest/gtest.h>

#include <cstring>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/temporary_folder.h"

namespace sd35 {
namespace {

namespace fs = std::filesystem;

std::string contents(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

class MetricsLogTest : public testing::Test {
 protected:
  std::string lines() const { return contents(folder / "metrics.jsonl"); }

  TemporaryFolder temporary;
  fs::path folder = temporary.path();
};

// RFC 3720, appendix B.4.
TEST(Crc32cTest, VectorsOfTheStandard) {
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43u);
  std::string ascending;
  for (char byte = 0; byte < 32; ++byte) ascending += byte;
  EXPECT_EQ(crc32c(ascending), 0x46dd794eu);
}

TEST_F(MetricsLogTest, ALineAStep) {
  MetricsLog log(folder, 0);
  log.log(1, {{"loss", 0.5}});
  log.log(2, {{"loss", 0.25}, {"gradient_norm", 2}});
  EXPECT_EQ(lines(), "{\"step\":1,\"loss\":0.5}\n{\"step\":2,\"gradient_norm\":2.0,\"loss\":0.25}\n");
}

TEST_F(MetricsLogTest, ResumedRunsSayNothingTwice) {
  {
    MetricsLog log(folder, 0);
    for (int step = 1; step <= 4; ++step) log.log(step, {{"loss", step}});
  }
  std::ofstream(folder / "metrics.jsonl", std::ios::app) << "{\"step\":5,\"lo";
  MetricsLog log(folder, 2);
  log.log(3, {{"loss", 30}});
  EXPECT_EQ(lines(), "{\"step\":1,\"loss\":1.0}\n{\"step\":2,\"loss\":2.0}\n{\"step\":3,\"loss\":30.0}\n");
}

// The records of the only file of events.
std::vector<std::string> events(const fs::path& folder) {
  std::vector<std::string> records;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (!entry.path().filename().string().starts_with("events.out.tfevents.")) continue;
    const std::string bytes = contents(entry.path());
    for (std::size_t at = 0; at < bytes.size();) {
      std::uint64_t length = 0;
      std::uint32_t checksum = 0;
      std::memcpy(&length, bytes.data() + at, 8);
      const std::string content = bytes.substr(at + 12, length);
      std::memcpy(&checksum, bytes.data() + at + 12 + length, 4);
      const std::uint32_t crc = crc32c(content);
      EXPECT_EQ(checksum, ((crc >> 15) | (crc << 17)) + 0xa282ead8u);
      records.push_back(content);
      at += 16 + length;
    }
  }
  return records;
}

TEST_F(MetricsLogTest, EventsOfTensorBoard) {
  MetricsLog(folder, 0).log(300, {{"loss", 0.5}});
  const std::vector<std::string> records = events(folder);
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].substr(11),
            "\x1a\x0d"
            "brain.Event:2");
  // step 300, then the summary with one value: its tag and its number as f32
  EXPECT_EQ(records[1].substr(9), std::string("\x10\xac\x02\x2a\x0d\x0a\x0b\x0a\x04loss\x15\0\0\0\x3f", 18));
}

TEST_F(MetricsLogTest, ChartOfLosses) {
  MetricsLog log(folder, 0);
  for (int step = 1; step <= 5000; ++step) log.log(step, {{"loss", 1.0 / step}, {"learning_rate", 1e-4}});
  log.log(5000, {{"validation_loss", 0.25}});
  log.write_chart();
  const std::string svg = contents(folder / "chart.svg");
  EXPECT_NE(svg.find(">loss</text>"), svg.npos);
  EXPECT_NE(svg.find(">validation_loss</text>"), svg.npos);
  EXPECT_EQ(svg.find("learning_rate"), svg.npos);
  EXPECT_LT(svg.size(), 10000u);  // thinned
  EXPECT_EQ(svg.find("nan"), svg.npos);
}

}  // namespace
}  // namespace sd35
