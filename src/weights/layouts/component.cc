#include "weights/layouts/component.h"

namespace sd35 {
namespace {

struct ComponentNames {
  std::string_view folder;
  std::string_view prefix;
};

// In the order of the enumeration.
constexpr std::array kNames = {
    ComponentNames{"text_encoder", "text_encoders.clip_l.transformer."},
    ComponentNames{"text_encoder_2", "text_encoders.clip_g.transformer."},
    ComponentNames{"text_encoder_3", "text_encoders.t5xxl.transformer."},
    ComponentNames{"transformer", "model.diffusion_model."},
    ComponentNames{"vae", "first_stage_model."},
};

}  // namespace

std::string_view folder_of(Component component) {
  return kNames.at(static_cast<std::size_t>(component)).folder;
}

std::string_view original_prefix(Component component) {
  return kNames.at(static_cast<std::size_t>(component)).prefix;
}

}  // namespace sd35
