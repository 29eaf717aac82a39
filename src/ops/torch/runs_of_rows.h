// Rows of pictures dealt out to threads in runs, each with sums of its own.
#pragma once

#include <ATen/ATen.h>

#include <algorithm>

#include "core/threads.h"

namespace sd35::host {

// Rows of one picture whose sums are added up together. A constant, so that sums do not depend on the number
// of threads.
constexpr std::int64_t kRowsTogether = 32;

// A run of rows of one picture.
struct Run {
  std::int64_t number, picture, first, rows;  // `first` counts from the first row of the first picture
};

inline std::int64_t runs_of(std::int64_t tokens) { return (tokens + kRowsTogether - 1) / kRowsTogether; }

template <class Body>
void for_runs(std::int64_t pictures, std::int64_t tokens, const Body& body) {
  const std::int64_t runs = runs_of(tokens);
  parallel_for(pictures * runs, 4, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t number = begin; number < end; ++number) {
      const std::int64_t picture = number / runs, first = number % runs * kRowsTogether;
      body(Run{number, picture, picture * tokens + first, std::min(kRowsTogether, tokens - first)});
    }
  });
}

// Of sums [pictures runs, ...], those of each picture [pictures, ...].
inline at::Tensor sum_of_runs(const at::Tensor& sums, std::int64_t pictures) {
  return sums.unflatten(0, {pictures, -1}).sum(1);
}

}  // namespace sd35::host
