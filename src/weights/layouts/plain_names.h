// The names of tensors as the whole pipeline has them, whatever training wrapped its modules in and whichever
// of them was saved alone.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "weights/source.h"

namespace sd35 {

// Where the levels of a name begin: 0, and after each dot.
std::vector<std::size_t> levels_of(std::string_view name);

// Takes out what wraps modules ("module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"),
// wherever it stands, and adds the level that is missing from a text encoder saved by itself
// ("text_model" of CLIP, as transformers 5 saves CLIPTextModel; "encoder" of T5). Throws FileError, naming
// `location`, when two tensors become one.
void make_names_plain(StoredTensors& tensors, const std::string& location);

}  // namespace sd35
