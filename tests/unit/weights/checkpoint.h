// A small model in both layouts, put together from the tables of the published converters' results and not
// from ours.
#pragma once

#include <string>
#include <vector>

#include "tests/unit/weights/weight_files.h"

namespace sd35 {

// One component: names without the prefix of the original layout.
struct TwoLayouts {
  Tensors original, diffusers;

  void same(const std::string& from, const std::string& to, const Shape& shape);
  // name.weight and name.bias
  void linear(const std::string& from, const std::string& to, std::int64_t out, std::int64_t in);
  // Rows of one original tensor that go to three.
  void fused(const std::string& from, const std::vector<std::string>& to, std::int64_t out, std::int64_t in);
  // A modulation whose two halves are swapped.
  void swapped(const std::string& from, const std::string& to, std::int64_t out, std::int64_t in);
  // A convolution [out, in, 1, 1] that becomes [out, in].
  void pointwise(const std::string& from, const std::string& to, std::int64_t channels);
  void norm(const std::string& from, const std::string& to, std::int64_t width);
  void conv(const std::string& from, const std::string& to, std::int64_t out, std::int64_t in,
            std::int64_t kernel);
};

TwoLayouts make_transformer(int depth, int dual, std::int64_t width = 8, std::int64_t head = 4);
TwoLayouts make_vae(const std::vector<std::int64_t>& channels);
// Names of transformers, the same in both layouts.
Tensors make_clip(std::int64_t width, int layers, bool projection);
Tensors make_t5();

// Everything in one file in the original layout.
Tensors single_file(const TwoLayouts& transformer, const TwoLayouts& vae, const Tensors& clip_l,
                    const Tensors& clip_g, const Tensors& t5);

}  // namespace sd35
