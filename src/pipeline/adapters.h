// LoRAs that a person asked for, ready to be merged into weights or attached beside them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/file_state.h"
#include "lora/lora_file.h"
#include "sd35/sd35.h"
#include "weights/model/model_files.h"

namespace sd35 {

// What updates may change: everything that generate() loads except the autoencoder.
LoraTargets lora_targets(const ModelFiles& files, bool use_t5);

// Files of LoRAs for one model. What was read of a file is kept for its next use, as long as the file has not
// changed. Safe from any thread.
class LoraFiles {
 public:
  // The updates of all `loras`, in their order, with their weights; `on_warning` gets the same whether a file
  // is read now or was read before. Throws what read_lora() throws.
  LoraUpdates read(std::span<const LoraOptions> loras, const LoraTargets& targets,
                   const std::function<void(const std::string&)>& on_warning);
  // Forgets what `loras` do not name, except the files used last, up to `bytes` in all. Callers that hold
  // their updates keep them.
  void forget_others(std::span<const LoraOptions> loras, std::uint64_t bytes);
  void forget_all();

 private:
  struct File {
    std::string name;                              // absolute
    std::vector<std::optional<FileState>> states;  // before it was read
    LoraUpdates updates;
    std::vector<std::string> warnings;
  };
  using FilePointer = std::shared_ptr<const File>;

  FilePointer opened(const std::filesystem::path& path, const LoraTargets& targets);
  // Null if it is not known, or has changed since.
  FilePointer known(const std::string& name, const std::vector<std::optional<FileState>>& states);
  void keep(FilePointer file);

  std::mutex mutex_;
  std::list<FilePointer> files_;  // used last first
};

}  // namespace sd35
