// Pictures as files of their own.
#include <filesystem>
#include <string>
#include <system_error>

#include "api/translated.h"
#include "core/atomic_file.h"
#include "core/error.h"
#include "core/messages.h"
#include "image/image_file.h"
#include "pipeline/recipe.h"
#include "sd35/sd35.h"

namespace sd35 {
namespace {

namespace fs = std::filesystem;

Metadata metadata_in(const Picture& picture) {
  Metadata metadata;
  metadata.digital_source_type = picture.digital_source_type;
  for (const auto& [key, value] : picture.metadata) {
    if (key == kParametersKey) metadata.parameters = value;
    if (key == kRecipeKey) metadata.settings_json = value;
  }
  return metadata;
}

Image image_in(const Picture& picture) { return {picture.width, picture.height, picture.rgb}; }

void make_folder_of(const fs::path& path) {
  if (!path.has_parent_path()) return;
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  if (error)
    throw FileError("cannot make the folder of " + in_quotes(path.string()) + ": " + error.message(), {},
                    path);
}

// out.png, out-2.png, out-3.png, ...
fs::path candidate(const fs::path& path, int number) {
  if (number == 1) return path;
  return path.parent_path() /
         (path.stem().string() + "-" + std::to_string(number) + path.extension().string());
}

[[noreturn]] void fail(const fs::path& path, const std::string& why) {
  throw FileError("cannot write " + in_quotes(path.string()) + ": " + why, {}, path);
}

// The folder in which save() makes the folders that `path` lacks. Throws FileError if it could not.
fs::path innermost_existing_folder(const fs::path& path) {
  std::error_code error;
  fs::path folder = path.parent_path();
  while (folder.has_relative_path() && !fs::exists(folder, error)) {
    if (error) fail(path, error.message());
    folder = folder.parent_path();
  }
  if (!folder.empty() && !fs::is_directory(folder, error))
    fail(path, in_quotes(folder.string()) + " is not a folder");
  for (const fs::path& missing : path.lexically_relative(folder)) {
    const bool is_missing = fs::symlink_status(folder / missing, error).type() == fs::file_type::not_found;
    if (error && !is_missing) fail(path, error.message());
  }
  return folder;
}

bool is_taken(const fs::path& path) {
  std::error_code error;
  return fs::exists(fs::symlink_status(path, error));
}

// Under the first free name.
fs::path write_beside_others(const Picture& picture, const fs::path& path) {
  const std::vector<std::uint8_t> bytes =
      encode_image(image_in(picture), image_format_of(path), metadata_in(picture));
  make_folder_of(path);
  for (int number = 1;; ++number) {
    const fs::path name = candidate(path, number);
    if (is_taken(name)) continue;
    AtomicFile file(name);
    file.write(std::as_bytes(std::span(bytes)));
    if (file.commit_as_new()) return name;
  }
}

}  // namespace

void save(const Picture& picture, const fs::path& path) {
  translated([&] {
    image_format_of(path);
    make_folder_of(path);
    write_image(path, image_in(picture), metadata_in(picture));
  });
}

fs::path save_as_new(const Picture& picture, const fs::path& path) {
  return translated([&] { return write_beside_others(picture, path); });
}

std::vector<std::uint8_t> encode(const Picture& picture, const std::string& format, int quality) {
  return translated([&] {
    return encode_image(image_in(picture), image_format_from_name(format), metadata_in(picture), {quality});
  });
}

Picture decode(std::span<const std::uint8_t> bytes, const std::string& name) {
  return translated([&] {
    const std::span<const std::byte> file = std::as_bytes(bytes);
    const TransparentImage image = read_transparent_image(file, name);
    const Metadata metadata = read_metadata(file, name);
    Picture picture{image.width, image.height,    without_alpha(image).rgb,
                    {},          alpha_of(image), metadata.digital_source_type};
    if (!metadata.parameters.empty()) picture.metadata.emplace_back(kParametersKey, metadata.parameters);
    if (!metadata.settings_json.empty()) picture.metadata.emplace_back(kRecipeKey, metadata.settings_json);
    if (!metadata.comfy_graph.empty()) picture.metadata.emplace_back(kComfyKey, metadata.comfy_graph);
    return picture;
  });
}

void check_output(const fs::path& path) {
  translated([&] {
    image_format_of(path);
    const fs::path folder = innermost_existing_folder(path);
    // Made beside the target, and removed again.
    const AtomicFile probe(folder == path.parent_path() ? path : folder / ".sd35-check");
  });
}

}  // namespace sd35
