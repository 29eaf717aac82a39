// Philox4x32-10, the counter-based generator of CUDA's curand (Salmon et al., "Parallel random numbers: as
// easy as 1, 2, 3", SC 2011).
#pragma once

#include <array>
#include <cstdint>

namespace sd35 {

using PhiloxCounter = std::array<std::uint32_t, 4>;
using PhiloxKey = std::array<std::uint32_t, 2>;

// Four random words for one counter: ten rounds.
PhiloxCounter philox4x32(PhiloxCounter counter, PhiloxKey key);

}  // namespace sd35
