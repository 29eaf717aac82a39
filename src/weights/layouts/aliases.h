// One table between the two layouts of checkpoints: the original one (Stability AI's single files) and the
// diffusers one, which the rest of the project uses. Reference: diffusers single_file_utils.py,
// convert_sd3_transformer_checkpoint_to_diffusers and convert_ldm_vae_checkpoint.
//
// Text encoders have the same names in both.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "weights/layouts/component.h"
#include "weights/source.h"

namespace sd35 {

// Renames a component's tensors from the original layout (without original_prefix) to the diffusers layout.
// Fused projections become three tensors and swapped halves two segments of the same file; nothing is copied.
// A name the table does not know stays as it is. Throws FileError, naming `location` and the tensor, when a
// shape cannot be divided as needed or two tensors become one.
StoredTensors from_original(Component component, const StoredTensors& original, const std::string& location);

// One tensor of the original layout and what it is made of.
struct OriginalTensor {
  // Rows [begin, end) of a tensor in the diffusers layout; all of it for one without dimensions.
  struct Part {
    std::string name;
    std::int64_t begin = 0, end = 0;
  };
  std::string name;  // with original_prefix
  Shape shape;
  std::vector<Part> parts;  // one after another
};

// The inverse: what the original layout holds for a component whose diffusers tensors have these shapes.
// Throws ArgumentError for a name the original layout has no place for, or a fused projection of which a part
// is missing.
std::vector<OriginalTensor> to_original(Component component, const std::map<std::string, Shape>& tensors);

}  // namespace sd35
