#include "lab/scoring/palette.h"

#include <algorithm>

namespace sd35 {
namespace {

constexpr float kClusterRadius = 0.045F;

}  // namespace

Lab Palette::Cluster::mean() const {
  const auto n = static_cast<float>(count);
  return {sum[0] / n, sum[1] / n, sum[2] / n};
}

void Palette::add(const Lab& pixel) {
  auto near = std::ranges::find_if(
      clusters_, [&](const Cluster& c) { return lab_distance(c.mean(), pixel) < kClusterRadius; });
  if (near == clusters_.end()) near = clusters_.insert(clusters_.end(), Cluster{});
  for (std::size_t i = 0; i < 3; ++i) near->sum[i] += pixel[i];
  ++near->count;
  ++total_;
}

std::vector<Lab> Palette::colours(double rarest) const {
  std::vector<Lab> colours;
  for (const Cluster& cluster : clusters_)
    if (cluster.count >= rarest * total_) colours.push_back(cluster.mean());
  return colours;
}

std::optional<Lab> Palette::commonest() const {
  if (clusters_.empty()) return std::nullopt;
  return std::ranges::max_element(clusters_, {}, &Cluster::count)->mean();
}

}  // namespace sd35
