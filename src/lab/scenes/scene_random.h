// Random decisions that are the same on every machine.
#pragma once

#include <cstdint>
#include <span>

namespace sd35 {

// Scrambles the bits of a number (the finalizer of SplitMix64: Steele, Lea and Flood 2014).
constexpr std::uint64_t scramble(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

// SplitMix64. The standard library's distributions differ between implementations; these do not.
class SceneRandom {
 public:
  SceneRandom(std::uint64_t seed, std::uint64_t stream)
      : state_(scramble(seed + 0x632be59bd9b4e019ull) ^ stream) {}

  std::uint64_t next() { return scramble(state_ += 0x9e3779b97f4a7c15ull); }
  // In [0, sides); `sides` is in [1, 2^32).
  std::size_t below(std::size_t sides) { return static_cast<std::size_t>(((next() >> 32) * sides) >> 32); }
  // In [low, high).
  double between(double low, double high) { return low + (high - low) * 0x1p-53 * (next() >> 11); }
  bool chance(double probability) { return between(0, 1) < probability; }
  template <class T>
  const T& pick(std::span<const T> choices) {
    return choices[below(choices.size())];
  }
  template <class T, std::size_t N>
  const T& pick(const T (&choices)[N]) {
    return choices[below(N)];
  }

 private:
  std::uint64_t state_;
};

}  // namespace sd35
