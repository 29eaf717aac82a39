#include "ops/decor/profile.h"

#include <algorithm>
#include <cstdio>
#include <map>

namespace sd35 {
namespace {

// Of the whole: operations that take less are listed together in one line.
constexpr double kWorthALine = 1e-3;

struct Row {
  int calls = 0;
  double seconds = 0;
  double flops = 0;
};

template <class... Values>
std::string line(const char* format, Values... values) {
  char text[256];
  std::snprintf(text, sizeof(text), format, values...);
  return text;
}

std::string line_of(const Row& row, double whole, double ceiling, const std::string& name) {
  const double rate = row.flops / row.seconds * 1e-9;
  const std::string speed =
      row.flops > 0 ? line("%8.0f %7.0f%%", rate, 100 * rate / ceiling) : std::string(17, ' ');
  return line("%9.3f %6.1f%% %7d %s  %s\n", row.seconds, 100 * row.seconds / whole, row.calls, speed.c_str(),
              name.c_str());
}

}  // namespace

double Profile::since_start(Clock::time_point time) const {
  return std::chrono::duration<double>(time - start_).count();
}

void Profile::begin(std::string name) {
  events_.push_back({std::move(name), "", since_start(Clock::now()), 0, 0, static_cast<int>(open_.size())});
  open_.push_back(events_.size() - 1);
}

void Profile::end() {
  Event& part = events_[open_.back()];
  part.seconds = since_start(Clock::now()) - part.start;
  open_.pop_back();
}

void Profile::operation(std::string_view verb, std::string shapes, Clock::time_point start, double flops) {
  const double began = since_start(start), seconds = since_start(Clock::now()) - began;
  events_.push_back(
      {std::string(verb), std::move(shapes), began, seconds, flops, static_cast<int>(open_.size())});
}

double Profile::whole() const {
  double seconds = 0;
  for (const Event& event : events_)
    if (event.depth == 0) seconds += event.seconds;
  return seconds;
}

std::string Profile::table(double ceiling_gflops) const {
  const double all = whole();
  std::vector<std::pair<std::string, Row>> parts;
  std::map<std::string, Row> operations;
  double outside = all;
  for (const Event& event : events_) {
    if (event.shapes.empty()) {
      if (event.depth > 0) continue;
      auto part = std::ranges::find(parts, event.name, &std::pair<std::string, Row>::first);
      if (part == parts.end()) part = parts.insert(parts.end(), {event.name, {}});
      part->second.calls += 1;
      part->second.seconds += event.seconds;
      continue;
    }
    Row& row = operations[event.name + " " + event.shapes];
    row.calls += 1;
    row.seconds += event.seconds;
    row.flops += event.flops;
    outside -= event.seconds;
  }
  std::vector<std::pair<std::string, Row>> sorted(operations.begin(), operations.end());
  std::ranges::sort(sorted, [](const auto& a, const auto& b) { return a.second.seconds > b.second.seconds; });

  std::string text =
      line("ceiling %.0f GFLOP/s\n  seconds   share   calls  GFLOP/s  ceiling\n", ceiling_gflops);
  for (const auto& [name, row] : parts) text += line_of(row, all, ceiling_gflops, name);
  text += '\n';
  Row rest;
  for (const auto& [name, row] : sorted) {
    if (row.seconds > kWorthALine * all) {
      text += line_of(row, all, ceiling_gflops, name);
    } else {
      rest.calls += row.calls;
      rest.seconds += row.seconds;
    }
  }
  text += line_of(rest, all, ceiling_gflops, "other operations");
  return text + line_of({0, outside, 0}, all, ceiling_gflops, "between operations");
}

std::string Profile::trace() const {
  std::string json = "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n";
  for (const Event& event : events_) {
    const bool part = event.shapes.empty();
    json += line("%s{\"ph\":\"X\",\"pid\":1,\"tid\":1,\"ts\":%.3f,\"dur\":%.3f,\"cat\":\"%s\",\"name\":\"",
                 &event == events_.data() ? "" : ",\n", event.start * 1e6, event.seconds * 1e6,
                 part ? "part" : "operation");
    json += event.name + "\"";
    if (!part) json += ",\"args\":{\"shapes\":\"" + event.shapes + "\"";
    if (event.flops > 0) json += line(",\"GFLOP/s\":%.1f", event.flops / event.seconds * 1e-9);
    json += part ? "}" : "}}";
  }
  return json + "\n]}\n";
}

}  // namespace sd35
