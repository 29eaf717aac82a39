#include "mmdit/widths.h"

#include "core/error.h"

namespace sd35 {
namespace {

void check_equal(const Location& location, const char* what, std::optional<std::int64_t> value,
                 const char* expected_by, std::int64_t expected) {
  if (value && *value != expected)
    throw FileError(location + ": " + what + " is " + std::to_string(*value) + ", but " + expected_by +
                        " is " + std::to_string(expected) + "; the components belong to different models",
                    {}, location.file);
}

}  // namespace

void check_widths(const Location& location, const MmditConfig& transformer, const MeetingWidths& widths) {
  const std::int64_t width = transformer.joint_attention_dim;
  check_equal(location, "the width of the third text encoder", widths.t5,
              "the transformer's joint_attention_dim", width);
  if (widths.clip > width)
    throw FileError(location + ": the CLIP encoders are " + std::to_string(*widths.clip) +
                        " wide together, but the transformer's joint_attention_dim is only " +
                        std::to_string(width) + "; the components belong to different models",
                    {}, location.file);
  check_equal(location, "the pooled width of the CLIP encoders", widths.pooled,
              "the transformer's pooled_projection_dim", transformer.pooled_projection_dim);
  check_equal(location, "the VAE's latent_channels", widths.latent_channels, "the transformer's in_channels",
              transformer.in_channels);
}

}  // namespace sd35
