// Aspect-ratio buckets: the few sizes that the pictures of one resolution are brought to, so that a batch is
// homogeneous. The published SD3 recipe trains its higher resolutions so (arXiv 2403.03206, appendix).
#pragma once

#include <vector>

#include "image/image_size.h"

namespace sd35 {

using Bucket = ImageSize;

// Sizes whose sides are multiples of `multiple`, of at most resolution^2 * (1 + tolerance) pixels, with
// width / height in [1 / max_aspect, max_aspect]; if one covers another in both sides, only the larger. The
// one square is that of `resolution`. From tall to wide. Throws ArgumentError unless resolution is a multiple
// of `multiple` in [multiple, 16384], multiple >= 1, max_aspect >= 1, tolerance in [0, 1].
std::vector<Bucket> aspect_buckets(int resolution, double max_aspect, int multiple, double tolerance = 0.0);

// The index of the bucket nearest to the size in log(width / height); of equally near ones the first with the
// largest area. Throws ArgumentError when there are none.
std::size_t nearest_bucket(const std::vector<Bucket>& buckets, ImageSize size);

}  // namespace sd35
