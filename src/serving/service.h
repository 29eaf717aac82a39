// What the dialects of a server share.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "serving/jobs/queue.h"
#include "serving/metrics.h"
#include "serving/models/models.h"

namespace sd35::serving {

// What one request may ask for.
struct RequestLimits {
  std::uint64_t pixels = 2'100'000;  // of a picture
  int steps = 150;
  int count = 10;
  std::size_t prompt_characters = 32'000;
  std::uint64_t body_bytes = 32'000'000;       // as the server has it, to be told to clients
  std::uint64_t uploaded_pixels = 16'000'000;  // of a picture that goes in
  int uploaded_side = 8192;
};

struct Service {
  Models& models;
  JobQueue& jobs;
  Metrics& metrics;
  RequestLimits limits = {};
  std::string public_url = {};  // in front of links to pictures; empty: as the client called the server
  std::atomic<bool> draining = false;
};

}  // namespace sd35::serving
