// Where the components of a model lie among the tensors of a file, whatever other programs put before their
// names: "model.diffusion_model.", "diffusion_model.", "transformer.", several of them, or nothing.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "weights/layouts/component.h"
#include "weights/source.h"

namespace sd35 {

// What comes before a component's names, in either layout.
using ComponentPrefixes = std::map<Component, std::string>;

// The components that `tensors` hold, recognized by the ends of their names. If a component is there twice,
// the one under the names of the original layout counts, then one that is not a moving average, then the
// larger. A CLIP is L or G by its prefix, else by its width.
ComponentPrefixes find_components(const StoredTensors& tensors);

// The prefix of `component` in a file that was named for it. Throws FileError, naming `location`, what the
// file seems to hold and the option that takes it, when it is not there.
std::string find_component(Component component, const StoredTensors& tensors, const std::string& location);

// Whether a tensor (its name without the prefix) can belong to the component's network: one that does and
// that the network does not have makes it another network.
bool is_inside(Component component, std::string_view name);

// The tensors that are in none of the components found, except those that every program leaves out.
std::vector<std::string> strays(const StoredTensors& tensors, const ComponentPrefixes& found);

// "a LoRA (name it as --lora)": what tensors with these names seem to be, for messages.
std::string likely_content(const StoredTensors& tensors);

// The option of sd35 generate that takes the component: "--clip-l".
std::string_view option_of(Component component);

}  // namespace sd35
