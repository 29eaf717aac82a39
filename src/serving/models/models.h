// The models of a server: opened when the server starts, loaded when they draw.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "sd35/sd35.h"
#include "serving/models/model_names.h"

namespace sd35::serving {

struct ModelsConfig {
  std::vector<NamedModel> models;  // the first is the default
  std::filesystem::path folder;    // of further ones, which are left out where they cannot be opened; or none
  std::filesystem::path loras;     // a folder, or none
  LoadOptions load;
  int max_loaded = 1;                      // models whose weights are in memory at once
  std::chrono::seconds unload_after{600};  // without a picture; 0: never
};

// What stays in memory of a model from one picture to the next is LoadOptions::keep's business; here lies how
// long. For any thread.
class Models {
 public:
  using Clock = std::chrono::steady_clock;
  using PipelinePointer = std::shared_ptr<const Pipeline>;

  // Opens each model, which checks it. Throws what Model::open() throws for those that are named, and
  // ArgumentError where there is none or two have one name.
  Models(ModelsConfig config, const std::function<void(const std::string&)>& warn);

  std::vector<std::string> names() const;  // the default first
  const std::string& default_name() const { return order_.front(); }
  bool has(const std::string& name) const { return entries_.contains(name); }
  // Its own size, steps, guidance and sampler. Of models that there are, as the next two.
  const GenerateOptions& defaults(const std::string& name) const { return entries_.at(name).defaults; }
  // To check a request. May open the model again, which takes a moment.
  PipelinePointer pipeline(const std::string& name);
  // To draw with it: others are released, so that no more than max_loaded are in memory.
  PipelinePointer pipeline_to_draw(const std::string& name, Clock::time_point now = Clock::now());

  // Releases those that have not drawn for so long. Not while one draws.
  void release_idle(Clock::time_point now = Clock::now());
  // Releases all, likewise.
  void release_all();
  int loaded() const;
  bool is_loaded(const std::string& name) const;

  // Names, and where a name leads. A name is looked up among those that were there at the last refresh.
  std::vector<std::string> loras() const;
  std::optional<std::filesystem::path> lora(const std::string& name) const;
  void refresh_loras();

  // `text` with the names of models and LoRAs in place of their paths, for strangers.
  std::string without_paths(std::string text) const;

 private:
  struct Entry {
    std::string path;
    GenerateOptions defaults;
    PipelinePointer pipeline;                 // null: released
    std::optional<Clock::time_point> loaded;  // when it drew last
  };

  void open(const NamedModel& model);
  PipelinePointer opened(const std::string& path) const;
  void release_oldest(int most);

  ModelsConfig config_;
  std::vector<std::string> order_;
  std::mutex opening_;
  mutable std::mutex mutex_;
  std::map<std::string, Entry> entries_;  // its keys, paths and defaults never change
  std::map<std::string, std::filesystem::path> loras_;
};

}  // namespace sd35::serving
