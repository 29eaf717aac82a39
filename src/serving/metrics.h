// Numbers for a monitor, in Prometheus' text form.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sd35::serving {

// Of one number: {{"dialect", "own"}}. Values come from a few known ones, never from a client.
using Labels = std::vector<std::pair<std::string_view, std::string>>;

// The families are those of metrics.cc; others throw std::out_of_range. For any thread.
class Metrics {
 public:
  Metrics();

  void add(std::string_view name, const Labels& labels = {}, double by = 1);       // to a counter or gauge
  void set(std::string_view name, double value);                                   // a gauge
  void observe(std::string_view name, double seconds, const Labels& labels = {});  // in a histogram
  double value(std::string_view name, const Labels& labels = {}) const;            // of a counter or gauge

  std::string text() const;

 private:
  static constexpr std::array<double, 12> kBounds{0.005, 0.02, 0.05, 0.1, 0.25, 0.5,
                                                  1,     2.5,  10,   30,  120,  600};
  struct Series {
    double value = 0;  // or sum
    std::uint64_t count = 0;
    std::array<std::uint64_t, kBounds.size()> below{};
  };
  struct Family {
    const char* type;
    const char* help;
    std::map<std::string, Series> series;  // by their labels as they are written
  };

  void write(std::string& text, const std::string& name, const Family& family) const;

  mutable std::mutex mutex_;
  std::map<std::string, Family, std::less<>> families_;
};

}  // namespace sd35::serving
