// Torch's Box-Muller transform on blocks of 16, to the last bit.
#pragma once

#include <span>

namespace sd35 {

// Turns 16 uniforms of [0, 1) into 16 standard normal values, in place: uniforms j and j + 8 give the radius
// and the angle of normals j and j + 8 (cosine, then sine).
//
// Source: normal_fill_16 of ATen's cpu/DistributionTemplates.h in its AVX2 form. It evaluates log, sin and
// cos by the single-precision Cephes polynomials, with the fused multiply-adds that the compiler of the
// official builds chose; all of them are written out here, so the values are the same on every machine.
void box_muller_16(std::span<float, 16> block);

}  // namespace sd35
