#include "pipeline/identity.h"

#include <sys/stat.h>

#include <algorithm>
#include <bit>
#include <set>
#include <vector>

#include "core/error.h"
#include "core/file_reader.h"
#include "core/messages.h"
#include "lora/lora_files.h"

namespace sd35 {

void Identity::add(std::string_view text) {
  hasher_.add_number(text.size());
  hasher_.add(text);
}

void Identity::add(const WeightSource& weights) {
  std::set<std::string> files;
  for (const std::string& name : weights.names()) {
    const StoredTensor& tensor = *weights.find(name);
    add(name);
    add(tensor.type_name());
    add(tensor.shape.to_string());
    files.insert(tensor.file->path());
  }
  for (const std::string& file : files) add_file_state(file);
}

void Identity::add_updates(const WeightSource& weights, const LoadOptions& options) {
  const auto adjusted = [&](const std::string& name) { return weights.adjusts({name}); };
  if (options.loras.empty() || std::ranges::none_of(weights.names(), adjusted)) return;
  for (const LoraOptions& lora : options.loras) {
    for (const std::filesystem::path& file : lora_files(lora.path)) add_file_state(file);
    hasher_.add_number(std::bit_cast<std::uint64_t>(lora.weight));
  }
}

void Identity::add_folder(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  std::error_code error, ignored;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error))
    if (entry->is_regular_file(ignored)) files.push_back(entry->path());
  if (error)
    throw FileError("cannot read folder " + in_quotes(folder.string()) + ": " + error.message(), {}, folder);
  std::ranges::sort(files);
  for (const std::filesystem::path& path : files) {
    const FileReader file(path.string());
    add(path.filename().string());
    hasher_.add_number(file.size());
    hasher_.add(file.read(0, file.size()));
  }
}

void Identity::add_file_state(const std::filesystem::path& path) {
  struct stat state {};
  if (::stat(path.c_str(), &state) != 0) throw FileError("cannot read " + in_quotes(path.string()), {}, path);
  hasher_.add_number(static_cast<std::uint64_t>(state.st_size));
  hasher_.add_number(static_cast<std::uint64_t>(state.st_mtim.tv_sec));
  hasher_.add_number(static_cast<std::uint64_t>(state.st_mtim.tv_nsec));
}

}  // namespace sd35
