#include "train/model_folder.h"

#include <nlohmann/json.hpp>
#include <string_view>
#include <system_error>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/messages.h"
#include "weights/safetensors.h"

namespace sd35::train {
namespace {

namespace fs = std::filesystem;

void write_text(const fs::path& path, const std::string& text) {
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(text)));
  file.commit();
}

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw FileError("cannot make folder " + in_quotes(folder.string()) + ": " + error.message());
}

void link_or_copy(const fs::path& from, const fs::path& to) {
  std::error_code error;
  const fs::path file = fs::canonical(from, error);  // what a link in the hub cache points to
  if (!error) fs::create_hard_link(file, to, error);
  if (error) fs::copy_file(from, to, error);
  if (error)
    throw FileError(in_quotes(from.string()) + " cannot be copied to " + in_quotes(to.string()) + ": " +
                    error.message());
}

// Everything of `base` that `folder` lacks, but the weights of `trained`.
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
  if (error) throw FileError("cannot read folder " + in_quotes(base.string()) + ": " + error.message());
}

}  // namespace

void write_component(const fs::path& folder, const fs::path& base, Component component,
                     const nlohmann::json& config, const std::map<std::string, Tensor>& weights) {
  const std::string_view name = folder_of(component);
  const bool diffusers = component == Component::transformer || component == Component::vae;
  make_folder(folder / name);
  write_safetensors(folder / name / (diffusers ? "diffusion_pytorch_model.safetensors" : "model.safetensors"),
                    weights);
  write_text(folder / name / "config.json", config.dump(2) + "\n");
  std::error_code ignored;
  if (fs::is_directory(base, ignored)) complete(folder, base, name);
}

}  // namespace sd35::train
