#include "ops/native/banded_ops.h"

#include "core/error.h"
#include "ops/native/convolved_map.h"
#include "ops/native/feature_map.h"

namespace sd35::native {
namespace {

MapRef made_here(const BandedOps::Map& map) {
  auto found = std::dynamic_pointer_cast<const FeatureMap>(map);
  if (map != nullptr && found == nullptr) throw Error("a feature map in bands was made by another engine");
  return found;
}

}  // namespace

BandedOps::Map NativeBandedOps::kept_map(Tensor x) const { return native::kept_map(std::move(x)); }

Tensor NativeBandedOps::whole(const Map& x) const {
  const MapRef map = made_here(x);
  if (map->kept().defined()) return map->kept();
  Tensor result(map->shape(), map->dtype());
  write_map(*map, result);
  return result;
}

BandedOps::Map NativeBandedOps::add_in_place(Map x, const Map& y) const {
  const MapRef map = made_here(x), added = made_here(y);
  if (!map->kept().defined()) throw Error("add_in_place: the map is not kept");
  if (added->shape() != map->shape())
    throw Error("add_in_place: " + map->shape().to_string() + " and " + added->shape().to_string());
  Tensor sum = map->kept();
  add_map(*added, sum);
  return native::kept_map(std::move(sum));
}

BandedOps::Map NativeBandedOps::conv2d(Map x, const Conv2d& w) const {
  return convolved_map(made_here(x), {}, w, nullptr, compute_type_, compute_type_);
}

BandedOps::Map NativeBandedOps::upsample_conv2d(Map x, const Conv2d& w) const {
  return convolved_map(made_here(x), {.upsampled = true}, w, nullptr, compute_type_, compute_type_);
}

BandedOps::Map NativeBandedOps::norm_conv2d(Map x, const GroupNorm& norm, const Conv2d& w, Map residual,
                                            Out out) const {
  const DType type = out == Out::f32 ? DType::f32 : compute_type_;
  return convolved_map(made_here(x), {.norm = &norm}, w, made_here(residual), compute_type_, type);
}

}  // namespace sd35::native
