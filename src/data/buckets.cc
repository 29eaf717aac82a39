#include "data/buckets.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <set>
#include <string>
#include <utility>

#include "core/error.h"

namespace sd35 {
namespace {

constexpr int kMaxResolution = 16384;

std::int64_t area(ImageSize size) { return std::int64_t{size.width} * size.height; }

bool covered(const Bucket& bucket, const std::vector<Bucket>& all) {
  return std::ranges::any_of(all, [&](const Bucket& other) {
    return other != bucket && other.width >= bucket.width && other.height >= bucket.height;
  });
}

}  // namespace

std::vector<Bucket> aspect_buckets(int resolution, double max_aspect, int multiple, double tolerance) {
  if (multiple < 1 || resolution < multiple || resolution > kMaxResolution || resolution % multiple != 0)
    throw ArgumentError("buckets of resolution " + std::to_string(resolution) +
                        "; it must be a multiple of " + std::to_string(multiple) + " up to " +
                        std::to_string(kMaxResolution));
  if (!(max_aspect >= 1.0) || !(tolerance >= 0.0 && tolerance <= 1.0))
    throw ArgumentError("buckets with a largest aspect ratio of " + std::to_string(max_aspect) +
                        " and a tolerance of " + std::to_string(tolerance) +
                        "; the ratio is at least 1, the tolerance within 0 and 1");
  const double largest = static_cast<double>(resolution) * resolution * (1.0 + tolerance);
  // No side is longer than that of the largest area at the largest aspect ratio.
  const int longest = static_cast<int>(std::min(std::sqrt(largest * max_aspect), largest / multiple));
  std::set<std::pair<int, int>> found = {{resolution, resolution}};
  for (int side = multiple; side <= longest; side += multiple) {
    const int other = static_cast<int>(largest / side / multiple) * multiple;
    if (other == 0 || other == side || other > side * max_aspect || side > other * max_aspect) continue;
    found.insert({side, other});
    found.insert({other, side});
  }
  std::vector<Bucket> all, buckets;
  for (const auto& [width, height] : found) all.push_back({width, height});
  std::ranges::copy_if(all, std::back_inserter(buckets), [&](const Bucket& bucket) {
    return bucket == Bucket{resolution, resolution} || !covered(bucket, all);
  });
  std::ranges::sort(buckets, [](const Bucket& a, const Bucket& b) {
    return std::int64_t{a.width} * b.height < std::int64_t{b.width} * a.height;
  });
  return buckets;
}

std::size_t nearest_bucket(const std::vector<Bucket>& buckets, ImageSize size) {
  if (buckets.empty()) throw ArgumentError("a list of buckets is empty");
  const auto distance = [&](const Bucket& bucket) {
    // |log of the ratio of two ratios|, in an order of operations that gives a picture of exactly the
    // bucket's ratio exactly 0.
    const double a = static_cast<double>(bucket.width) * size.height;
    const double b = static_cast<double>(size.width) * bucket.height;
    return std::log(std::max(a, b) / std::min(a, b));
  };
  std::size_t best = 0;
  for (std::size_t i = 1; i < buckets.size(); ++i) {
    const double here = distance(buckets[i]), there = distance(buckets[best]);
    if (here < there || (here == there && area(buckets[i]) > area(buckets[best]))) best = i;
  }
  return best;
}

}  // namespace sd35
