// What clients of A1111's web UI ask for.
#pragma once

#include <string>
#include <vector>

#include "serving/dialects/json_body.h"
#include "serving/jobs/job_request.h"
#include "serving/service.h"

namespace sd35::serving {

struct A1111Request {
  JobRequest job;
  std::string sampler;  // by A1111's name
  bool send_images = true;
  bool has_picture = false;  // img2img
  double denoising_strength = 0;
};

// `model`: that of the dialect's options. Throws RequestError; fields that would silently make another picture
// are refused, neutral values and unknown fields pass.
A1111Request a1111_text_to_image(const JsonIn& body, const std::string& model, Service& service);
A1111Request a1111_image_to_image(const JsonIn& body, const std::string& model, Service& service);

// A sampler by the name that A1111 knows it by.
struct A1111Sampler {
  const char* name;  // "Euler a"
  const char* ours;  // "euler_a"
  std::vector<std::string> aliases;
};
const std::vector<A1111Sampler>& a1111_samplers();

// Takes the marks <lora:NAME:WEIGHT> out of a prompt.
struct LoraMark {
  std::string name;
  double weight = 1;
};
std::vector<LoraMark> take_lora_marks(std::string& prompt);

}  // namespace sd35::serving
