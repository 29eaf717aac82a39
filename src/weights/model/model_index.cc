#include "weights/model/model_index.h"

#include <nlohmann/json.hpp>

namespace sd35 {

nlohmann::ordered_json model_index() {
  return {{"_class_name", "StableDiffusion3Pipeline"},
          {"scheduler", {"diffusers", "FlowMatchEulerDiscreteScheduler"}},
          {"text_encoder", {"transformers", "CLIPTextModelWithProjection"}},
          {"text_encoder_2", {"transformers", "CLIPTextModelWithProjection"}},
          {"text_encoder_3", {"transformers", "T5EncoderModel"}},
          {"tokenizer", {"transformers", "CLIPTokenizer"}},
          {"tokenizer_2", {"transformers", "CLIPTokenizer"}},
          {"tokenizer_3", {"transformers", "T5TokenizerFast"}},
          {"transformer", {"diffusers", "SD3Transformer2DModel"}},
          {"vae", {"diffusers", "AutoencoderKL"}}};
}

}  // namespace sd35
