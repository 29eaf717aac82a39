#include "train/model_folder.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string_view>
#include <system_error>
#include <vector>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/file_reader.h"
#include "core/messages.h"
#include "weights/files/safetensors.h"

namespace sd35::train {
namespace {

namespace fs = std::filesystem;

constexpr const char* kConfig = "config.json";

void write_text(const fs::path& path, const std::string& text) {
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(text)));
  file.commit();
}

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error)
    throw FileError("cannot make folder " + in_quotes(folder.string()) + ": " + error.message(), {}, folder);
}

void copy(const FileReader& from, const fs::path& to) {
  constexpr std::uint64_t kAtOnce = 16 << 20;
  AtomicFile file(to);
  for (std::uint64_t done = 0; done < from.size();) {
    const std::vector<std::byte> part = from.read(done, std::min(kAtOnce, from.size() - done));
    file.write(part);
    done += part.size();
  }
  file.commit();
}

// Weights are linked. What a person may edit is copied: otherwise it would change in both folders.
void link_or_copy(const fs::path& from, const fs::path& to) {
  constexpr std::uint64_t kLargestEdited = 16 << 20;
  const FileReader file(from.string());
  std::error_code error;
  const fs::path original = fs::canonical(from, error);  // what a link in the hub cache points to
  if (!error && file.size() > kLargestEdited) {
    fs::create_hard_link(original, to, error);
    if (!error) return;
  }
  copy(file, to);
}

// Adds everything in `base` that `folder` lacks, except the weights of `trained`.
void complete(const fs::path& folder, const fs::path& base, std::string_view trained) {
  std::error_code error, ignored;
  for (fs::recursive_directory_iterator entry(base, error), end; !error && entry != end;
       entry.increment(error)) {
    const fs::path name = entry->path().lexically_relative(base);
    if (entry->is_directory(ignored) && name == trained) entry.disable_recursion_pending();
    if (!entry->is_regular_file(ignored)) continue;
    const fs::path target = folder / name;
    if (name.filename().string().starts_with('.') || fs::exists(target, ignored)) continue;
    make_folder(target.parent_path());
    link_or_copy(entry->path(), target);
  }
  if (error)
    throw FileError("cannot read folder " + in_quotes(base.string()) + ": " + error.message(), {}, base);
}

}  // namespace

fs::path write_weights(const fs::path& folder, Component component,
                       const std::map<std::string, Tensor>& weights) {
  const std::string_view name = folder_of(component);
  make_folder(folder / name);
  std::error_code error;
  fs::remove(folder / name / kConfig, error);
  if (error)
    throw FileError(
        "cannot replace " + in_quotes((folder / name / kConfig).string()) + ": " + error.message(), {},
        folder / name / kConfig);
  const bool diffusers = component == Component::transformer || component == Component::vae;
  const fs::path file =
      folder / name / (diffusers ? "diffusion_pytorch_model.safetensors" : "model.safetensors");
  write_safetensors(file, weights);
  return file;
}

void write_extras(const fs::path& folder, const nlohmann::json& extras) {
  make_folder(folder);
  write_text(folder / "sd35.json", extras.dump(2) + "\n");
}

void write_rest(const fs::path& folder, const fs::path& base, Component component,
                const nlohmann::json& config) {
  make_folder(folder / folder_of(component));
  std::error_code ignored;
  if (fs::is_directory(base, ignored)) complete(folder, base, folder_of(component));
  write_text(folder / folder_of(component) / kConfig, config.dump(2) + "\n");
}

}  // namespace sd35::train
