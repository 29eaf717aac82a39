#include "metrics/loss_chart.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace sd35 {
namespace {

constexpr std::size_t kStretches = 400;
constexpr double kWidth = 800, kHeight = 400, kLeft = 70, kRight = 20, kTop = 20, kBottom = 40;
constexpr std::array kColours{"#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e"};

struct Point {
  double step = 0, value = 0;
};

std::vector<Point> thinned(const Curve& curve) {
  const std::size_t stretch = (curve.size() + kStretches - 1) / kStretches;
  std::vector<Point> points;
  for (std::size_t begin = 0; begin < curve.size(); begin += stretch) {
    Point sum;
    double count = 0;
    for (std::size_t i = begin; i < std::min(begin + stretch, curve.size()); ++i) {
      if (!std::isfinite(curve[i].second)) continue;
      sum.step += static_cast<double>(curve[i].first);
      sum.value += curve[i].second;
      ++count;
    }
    if (count > 0) points.push_back({sum.step / count, sum.value / count});
  }
  return points;
}

// The part of the plane that is shown.
struct Frame {
  double first_step = HUGE_VAL, last_step = -HUGE_VAL, low = HUGE_VAL, high = -HUGE_VAL;

  void include(const Point& point) {
    first_step = std::min(first_step, point.step);
    last_step = std::max(last_step, point.step);
    low = std::min(low, point.value);
    high = std::max(high, point.value);
  }
  double x(double step) const {
    return kLeft + (kWidth - kLeft - kRight) * (step - first_step) / std::max(1.0, last_step - first_step);
  }
  double y(double value) const {
    return kHeight - kBottom - (kHeight - kTop - kBottom) * (value - low) / std::max(1e-12, high - low);
  }
};

template <class... Values>
std::string format(const char* pattern, Values... values) {
  char text[256];
  std::snprintf(text, sizeof(text), pattern, values...);
  return text;
}

std::string axes(const Frame& frame) {
  std::string svg;
  for (int i = 0; i <= 4; ++i) {
    const double value = frame.low + (frame.high - frame.low) * i / 4, y = frame.y(value);
    svg +=
        format("<line x1='%.0f' y1='%.1f' x2='%.0f' y2='%.1f' stroke='#ddd'/>", kLeft, y, kWidth - kRight, y);
    svg += format("<text x='%.0f' y='%.1f' text-anchor='end'>%.4g</text>\n", kLeft - 6, y + 4, value);
    const double step = frame.first_step + (frame.last_step - frame.first_step) * i / 4;
    svg += format("<text x='%.1f' y='%.0f' text-anchor='middle'>%.0f</text>\n", frame.x(step),
                  kHeight - kBottom + 18, step);
  }
  return svg;
}

}  // namespace

std::string draw_curves(const std::map<std::string, Curve>& curves) {
  std::map<std::string, std::vector<Point>> lines;
  Frame frame;
  for (const auto& [name, curve] : curves)
    for (const Point& point : lines[name] = thinned(curve)) frame.include(point);

  std::string svg = format(
      "<svg xmlns='http://www.w3.org/2000/svg' width='%.0f' height='%.0f' font-family='sans-serif' "
      "font-size='12'>\n<rect width='100%%' height='100%%' fill='white'/>\n",
      kWidth, kHeight);
  if (frame.first_step <= frame.last_step) svg += axes(frame);
  std::size_t index = 0;
  for (const auto& [name, points] : lines) {
    const char* colour = kColours[index % kColours.size()];
    svg += format("<polyline fill='none' stroke='%s' stroke-width='1.5' points='", colour);
    for (const Point& point : points) svg += format("%.1f,%.1f ", frame.x(point.step), frame.y(point.value));
    svg += format("'/>\n<text x='%.0f' y='%.0f' text-anchor='end' fill='%s'>%s</text>\n", kWidth - kRight - 6,
                  kTop + 16 + 16 * static_cast<double>(index), colour, name.c_str());
    ++index;
  }
  return svg + "</svg>\n";
}

}  // namespace sd35
