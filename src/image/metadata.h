// What a picture says about how it was made.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sd35 {

// Texts in UTF-8, each may be empty. Malformed UTF-8 and NUL characters become U+FFFD when written.
//
//            parameters                  settings_json                           digital_source_type
//   PNG      text chunk `parameters`     text chunk `sd35`                       iTXt `XML:com.adobe.xmp`
//            (tEXt; iTXt when it is not Latin-1, both)
//   JPEG     Exif UserComment, UTF-16    COM markers that begin with `sd35:`     APP1 with the name of XMP
//   WebP     Exif UserComment, UTF-16    Exif ImageDescription                   chunk `XMP `
//
// A `parameters` too long for one JPEG segment (32,000 characters) goes to COM markers that begin with
// `parameters:`.
struct Metadata {
  std::string parameters;     // for people and other programs, see parameters_text()
  std::string settings_json;  // for an exact replay
  // What of it a model made, image/provenance.h; written as a packet of XMP.
  std::string digital_source_type = {};
  // Only read, of a PNG's text chunk `prompt`: the graph of nodes that ComfyUI drew it with.
  std::string comfy_graph = {};

  bool operator==(const Metadata&) const = default;
};

struct GenerationSettings {
  std::string prompt;
  std::string negative_prompt;
  int steps = 0;
  std::string sampler;                  // as shown to people: "Euler"
  std::optional<float> guidance_scale;  // not said where it was the model's own
  std::uint64_t seed = 0;
  int width = 0;
  int height = 0;
  std::string model;
  std::vector<std::pair<std::string, std::string>> extra;  // appended as `name: value`
};

// The text that AUTOMATIC1111's web UI writes and many programs read:
//
//   <prompt>
//   Negative prompt: <negative prompt>          (no such line when it is empty)
//   Steps: 40, Sampler: Euler, CFG scale: 4.5, Seed: 1, Size: 512x512, Model: sd3.5_medium
//
// Values with a comma, colon, quote or newline are quoted as JSON strings, as that program does.
std::string parameters_text(const GenerationSettings& settings);

}  // namespace sd35
