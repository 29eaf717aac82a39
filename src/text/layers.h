// Layers of a text encoder, resident or streamed: a large encoder uses each layer once per prompt, so a layer
// may be loaded when its turn comes and dropped after it.
#pragma once

#include <functional>
#include <memory>

namespace sd35 {

// Layer `index`, alive as long as the pointer.
template <class Layer>
using LayerProvider = std::function<std::shared_ptr<const Layer>(int index)>;

}  // namespace sd35
