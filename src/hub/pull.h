// Models from a hub into the cache of the Hugging Face tools, where these and sd35 find them by their names.
// Reference: huggingface_hub, "Manage huggingface_hub cache-system"; file_download.py.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace sd35::hub {

struct PullOptions {
  std::string revision = "main";   // a branch, a tag or a commit
  std::vector<std::string> files;  // patterns such as "*.gguf"; empty: what sd35 needs (hub/listing.h)
  bool t5 = true;                  // with the largest text encoder
  std::string endpoint;            // empty: HF_ENDPOINT of the environment, else https://huggingface.co
  std::filesystem::path cache;     // empty: that of the Hugging Face tools (weights/model/hub_cache.h)
};

struct PullProgress {
  std::string file;             // that is on its way
  std::uint64_t bytes = 0;      // that are there, of all files
  std::uint64_t all_bytes = 0;  // of all files
};

struct PullCallbacks {
  // Called several times a second, also while nothing comes; false stops with Cancelled, and the next pull goes
  // on from there.
  std::function<bool(const PullProgress&)> on_progress;
  std::function<void(const std::string&)> on_warning;
};

struct PullReport {
  std::filesystem::path folder;  // the snapshot, which holds the files
  std::string commit;
  std::string license, license_link;
  std::uint64_t files = 0, bytes = 0;  // of the snapshot
  std::uint64_t fetched = 0;           // bytes that came over the network
};

// Fetches the model `name` ("organisation/model"), or what is missing of it. What was fetched in part goes on
// where it ended; every file is compared with the hub's hash before it gets its name; several may pull at the
// same time. Throws ArgumentError for a name or pattern that cannot be, FileError for a model that the hub does
// not have or does not give (saying what to do), a hash that differs, a full disk and a network that fails,
// Cancelled.
PullReport pull(const std::string& name, const PullOptions& options, const PullCallbacks& callbacks = {});

}  // namespace sd35::hub
