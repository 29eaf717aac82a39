// compare_tensors A B BOUND: whether two safetensors files hold the same tensors, whose values differ by at
// most that in the root mean square. (A single weight whose gradient is all rounding may become anything.)
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "weights/files/safetensors.h"

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  try {
    const auto a = sd35::read_safetensors(argv[1]).tensors, b = sd35::read_safetensors(argv[2]).tensors;
    const double bound = std::atof(argv[3]);
    double squares = 0;
    std::size_t count = 0;
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
        squares += std::pow(static_cast<double>(x.floats()[i]) - y.floats()[i], 2);
      count += x.floats().size();
    }
    const double difference = std::sqrt(squares / static_cast<double>(count));
    std::fprintf(stderr, "difference %g\n", difference);
    return same && difference <= bound ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
}
