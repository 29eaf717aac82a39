#include "weights/model/hub_cache.h"

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "core/error.h"
#include "core/file_reader.h"

namespace sd35 {
namespace {

constexpr std::string_view kNameCharacters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

constexpr std::uint64_t kLargestReference = 4096;  // bytes; a commit has 40

bool is_plain_name(std::string_view name) {
  return !name.empty() && name.front() != '.' &&
         name.find_first_not_of(kNameCharacters) == std::string_view::npos;
}

// The value of an environment variable as a path; empty when unset.
std::filesystem::path variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::vector<std::filesystem::path> cache_folders() {
  std::vector<std::filesystem::path> folders;
  const auto add = [&](const std::filesystem::path& base, const std::filesystem::path& below) {
    if (!base.empty()) folders.push_back(base / below);
  };
  add(variable("HF_HUB_CACHE"), "");
  add(variable("HF_HOME"), "hub");
  add(variable("XDG_CACHE_HOME"), "huggingface/hub");
  add(variable("HOME"), ".cache/huggingface/hub");
  return folders;
}

}  // namespace

bool is_hub_name(std::string_view name) {
  const std::size_t slash = name.find('/');
  return slash != std::string_view::npos && is_plain_name(name.substr(0, slash)) &&
         is_plain_name(name.substr(slash + 1));
}

std::string hub_folder(std::string_view name) {
  const std::size_t slash = name.find('/');
  return "models--" + std::string(name.substr(0, slash)) + "--" + std::string(name.substr(slash + 1));
}

std::filesystem::path hub_cache_folder() {
  const std::vector<std::filesystem::path> folders = cache_folders();
  if (folders.empty())
    throw FileError("there is no folder for models: HF_HUB_CACHE in the environment names one");
  return folders.front();
}

std::optional<std::filesystem::path> find_in_hub_cache(std::string_view name) {
  if (!is_hub_name(name)) return std::nullopt;
  const std::string folder = hub_folder(name);
  for (const std::filesystem::path& cache : cache_folders()) {
    const std::filesystem::path model = cache / folder;
    const std::filesystem::path reference = model / "refs" / "main";
    std::error_code error;
    if (!std::filesystem::exists(reference, error)) continue;
    std::string commit = read_whole_file(reference, kLargestReference);
    commit.erase(commit.find_last_not_of(" \r\n\t") + 1);
    // A commit is a name, never a path that leads elsewhere.
    if (!is_plain_name(commit)) continue;
    if (std::filesystem::is_directory(model / "snapshots" / commit, error))
      return model / "snapshots" / commit;
  }
  return std::nullopt;
}

}  // namespace sd35
