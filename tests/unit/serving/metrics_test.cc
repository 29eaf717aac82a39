#include "serving/metrics.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace sd35::serving {
namespace {

TEST(Metrics, AreWrittenAsPrometheusReadsThem) {
  Metrics metrics;
  metrics.add("sd35_jobs_total", {{"dialect", "own"}, {"status", "done"}});
  metrics.add("sd35_jobs_total", {{"dialect", "own"}, {"status", "done"}});
  metrics.set("sd35_queue_length", 3);
  metrics.observe("sd35_step_seconds", 0.03);
  metrics.observe("sd35_step_seconds", 1000);
  const std::string text = metrics.text();
  const auto has = [&](const std::string& line) { return text.find("\n" + line + "\n") != text.npos; };
  EXPECT_TRUE(has("# TYPE sd35_jobs_total counter"));
  EXPECT_TRUE(has("sd35_jobs_total{dialect=\"own\",status=\"done\"} 2"));
  EXPECT_TRUE(has("sd35_queue_length 3"));
  EXPECT_TRUE(has("sd35_step_seconds_bucket{le=\"0.02\"} 0"));
  EXPECT_TRUE(has("sd35_step_seconds_bucket{le=\"0.05\"} 1"));
  EXPECT_TRUE(has("sd35_step_seconds_bucket{le=\"600\"} 1"));
  EXPECT_TRUE(has("sd35_step_seconds_bucket{le=\"+Inf\"} 2"));
  EXPECT_TRUE(has("sd35_step_seconds_count 2"));
  EXPECT_TRUE(has("sd35_pictures_total 0"));
  EXPECT_NE(text.find("\nprocess_resident_memory_bytes "), text.npos);
  EXPECT_EQ(metrics.value("sd35_queue_length"), 3);
}

TEST(Metrics, HaveKnownNames) {
  Metrics metrics;
  EXPECT_THROW(metrics.set("sd35_other", 1), std::out_of_range);
}

}  // namespace
}  // namespace sd35::serving
