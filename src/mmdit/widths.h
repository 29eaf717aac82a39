// The widths that the components of a model must agree on.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/location.h"
#include "mmdit/config.h"

namespace sd35 {

// What the transformer receives. Nothing: the component is absent.
struct MeetingWidths {
  std::optional<std::int64_t> clip;    // tokens of both CLIP encoders, side by side
  std::optional<std::int64_t> pooled;  // their pooled vectors, side by side
  std::optional<std::int64_t> t5;
  std::optional<std::int64_t> latent_channels;  // of the autoencoder
};

// Throws a FileError that begins with `location` if these are not what the transformer takes.
void check_widths(const Location& location, const MmditConfig& transformer, const MeetingWidths& widths);

}  // namespace sd35
