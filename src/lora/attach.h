// Low-rank updates beside the layers of a loaded model, instead of merged into its weights.
//
// A merge (merge.h) costs nothing while pictures are drawn, but changes weights as they are read: another
// adapter means another load, and weights that are quantized or packed must be made again from full ones.
// Beside the layers an adapter can be added and removed in milliseconds, whatever form the weights have, and
// costs a few percent of each step (Ops::attach).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "lora/lora_file.h"
#include "ops/ops.h"
#include "weights/parameters.h"

namespace sd35 {

// Gives the linear layers that `describe` visits their part of `updates`, in place of all that they had;
// layers without a part lose what they had: with no updates the model is what it was, to the last bit.
// `describe` is the parameters() of a loaded model, or of a block of it that is loaded for one use; `updates`
// are those of its component, of any number of files, with the weights that a person gives them in their
// scales. The model must not be in use. Returns the names of the weights in `updates` that no visited layer
// has, each once: tables that are read by rows, which only a merge can change, and what lies elsewhere in the
// model where only a part of it was visited. Throws Error for an update that does not fit its layer.
std::vector<std::string> attach_lora(const Ops& ops, const std::vector<LoraUpdate>& updates,
                                     const std::function<void(const Parameters&)>& describe);

}  // namespace sd35
