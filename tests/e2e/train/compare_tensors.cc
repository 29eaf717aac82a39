// compare_tensors A B BOUND: whether two safetensors files hold the same tensors, none of whose values differ
// by more.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "weights/safetensors.h"

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  try {
    const auto a = sd35::read_safetensors(argv[1]).tensors, b = sd35::read_safetensors(argv[2]).tensors;
    const double bound = std::atof(argv[3]);
    double largest = 0;
    bool same = a.size() == b.size() && !a.empty();
    for (const auto& [name, stored] : a) {
      const auto other = b.find(name);
      if (other == b.end() || other->second.shape != stored.shape) {
        std::fprintf(stderr, "%s differs in shape or is missing\n", name.c_str());
        return 1;
      }
      const sd35::Tensor x = stored.read().to(sd35::DType::f32),
                         y = other->second.read().to(sd35::DType::f32);
      for (std::size_t i = 0; i < x.floats().size(); ++i)
        largest = std::max(largest, static_cast<double>(std::abs(x.floats()[i] - y.floats()[i])));
    }
    std::fprintf(stderr, "largest difference %g\n", largest);
    return same && largest <= bound ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
}
