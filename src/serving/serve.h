// The server as a whole.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "serving/http/access.h"
#include "serving/http/server.h"
#include "serving/jobs/queue.h"
#include "serving/models/models.h"
#include "serving/service.h"

namespace sd35::serving {

struct ServeOptions {
  Address address{"127.0.0.1", 7860};
  std::string token;                 // empty: none, on loopback only
  std::vector<std::string> hosts;    // AccessRules::hosts
  std::vector<std::string> origins;  // AccessRules::origins
  ModelsConfig models;
  QueueLimits queue;
  RequestLimits request;
  ServerLimits server;
  std::chrono::seconds drain{60};
  std::string public_url;
  bool page = true;
  std::filesystem::path page_folder;  // empty: the page that is built in
  bool log_json = false;
  bool log_prompts = false;
};

// Serves until `stop_requested` returns true, which is asked many times a second; then the job that is drawn
// gets the time of `drain`, and the others are told. `listening` gets the address, with its port, as soon as
// there is an answer to be had. Throws ArgumentError for options that do not go together, what Model::open()
// throws, and FileError where the address cannot be had.
void serve(const ServeOptions& options, const std::function<void(const Address&)>& listening,
           const std::function<bool()>& stop_requested);

}  // namespace sd35::serving
