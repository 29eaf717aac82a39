// The names that the authors of the tiny autoencoder (TAESD3) give its tensors: numbers of layers alone, in
// two files, "taesd3_encoder" and "taesd3_decoder"; ComfyUI puts them into one with prefixes.
#pragma once

#include "weights/source.h"

namespace sd35 {

// Makes them those of diffusers' AutoencoderTiny, "decoder.layers.0.weight", where `tensors` have such names;
// others stay. The decoder's numbers are one higher than diffusers': its layer 0 bounds the latents and has
// no weights.
void name_tiny_autoencoder(StoredTensors& tensors);

}  // namespace sd35
