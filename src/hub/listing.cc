#include "hub/listing.h"

#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>

#include "core/config_file.h"
#include "core/error.h"
#include "core/messages.h"

namespace sd35::hub {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMostFiles = 10'000;

bool is_hexadecimal(const std::string& text, std::size_t length) {
  return text.size() == length && text.find_first_not_of("0123456789abcdef") == text.npos;
}

// A path that stays in its folder.
bool is_inside(const std::string& path) {
  if (path.empty() || path.front() == '/' || path.find_first_of(std::string("\\\0", 2)) != path.npos)
    return false;
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t slash = std::min(path.find('/', at), path.size());
    const std::string part = path.substr(at, slash - at);
    if (part.empty() || part == "." || part == "..") return false;
    at = slash + 1;
  }
  return true;
}

std::string text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? printable(found->get<std::string>()) : "";
}

RemoteFile file_from_json(const Json& json, const std::string& name) {
  const auto fail = [&] { throw FileError(name + ": the hub's list of files cannot be understood"); };
  RemoteFile file;
  if (!json.is_object() || !json.value("rfilename", Json()).is_string()) fail();
  file.path = json.at("rfilename").get<std::string>();
  if (!is_inside(file.path))
    throw FileError(name + ": the hub names a file " + in_quotes(file.path) + ", which lies outside");
  const Json lfs = json.value("lfs", Json());
  file.large = lfs.is_object();
  const Json size = file.large ? lfs.value("size", Json()) : json.value("size", Json());
  file.etag = file.large ? text_of(lfs, "sha256") : text_of(json, "blobId");
  if (!size.is_number_unsigned() || !is_hexadecimal(file.etag, file.large ? 64 : 40)) fail();
  file.size = size.get<std::uint64_t>();
  return file;
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == path.npos ? "" : path.substr(0, slash);
}
std::string name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

class Choice {
 public:
  Choice(const RemoteModel& model, bool t5) : t5_(t5) {
    for (const RemoteFile& file : model.files) paths_.insert(file.path);
  }

  bool is_model() const { return paths_.contains("model_index.json"); }

  bool needs(const std::string& path) const {
    const std::string folder = folder_of(path), name = name_of(path);
    if (!is_model())
      return folder.empty() &&
             (name == "config.json" || name == "adapter_config.json" || name.ends_with(".safetensors"));
    if (folder.empty()) return name == "model_index.json" || name == "sd35.json";
    if (!t5_ && (folder == "text_encoder_3" || folder == "tokenizer_3")) return false;
    constexpr std::array<std::string_view, 4> kTables{"tokenizer", "tokenizer_2", "tokenizer_3", "scheduler"};
    if (std::ranges::find(kTables, folder) != kTables.end()) return true;
    constexpr std::array<std::string_view, 5> kNetworks{"text_encoder", "text_encoder_2", "text_encoder_3",
                                                        "transformer", "vae"};
    if (std::ranges::find(kNetworks, folder) == kNetworks.end()) return false;
    return name == "config.json" || is_weights(folder, name);
  }

 private:
  // One file, or an index and its shards; variants have another name between.
  bool is_weights(const std::string& folder, const std::string& name) const {
    for (const std::string stem : {"model", "diffusion_pytorch_model"}) {
      if (paths_.contains(folder + "/" + stem + ".safetensors")) {
        if (name == stem + ".safetensors") return true;
      } else if (paths_.contains(folder + "/" + stem + ".safetensors.index.json")) {
        if (name == stem + ".safetensors.index.json") return true;
        if (fnmatch((stem + "-[0-9]*-of-[0-9]*.safetensors").c_str(), name.c_str(), 0) == 0) return true;
      }
    }
    return false;
  }

  bool t5_;
  std::set<std::string> paths_;
};

}  // namespace

RemoteModel model_from_json(const std::string& json, const std::string& name) {
  const Json answer = parse_json_object(json, {name + ": the hub's answer"});
  RemoteModel model;
  model.commit = text_of(answer, "sha");
  const Json files = answer.value("siblings", Json());
  if (!is_hexadecimal(model.commit, 40) || !files.is_array() || files.size() > kMostFiles)
    throw FileError(name + ": the hub's answer is not about a model");
  for (const Json& file : files) model.files.push_back(file_from_json(file, name));
  if (const Json card = answer.value("cardData", Json()); card.is_object()) {
    model.license = text_of(card, "license_name");
    if (model.license.empty()) model.license = text_of(card, "license");
    model.license_link = text_of(card, "license_link");
  }
  return model;
}

std::vector<RemoteFile> needed_files(const RemoteModel& model, bool t5, const std::string& name) {
  const Choice choice(model, t5);
  std::vector<RemoteFile> files;
  std::ranges::copy_if(model.files, std::back_inserter(files),
                       [&](const RemoteFile& file) { return choice.needs(file.path); });
  if (files.empty())
    throw FileError(
        name + ": it has no model_index.json and no safetensors file at the top; name the files: sd35 pull " +
        name + " FILE...");
  return files;
}

std::vector<RemoteFile> named_files(const RemoteModel& model, const std::vector<std::string>& patterns) {
  std::vector<RemoteFile> files;
  std::set<std::string> named;
  for (const std::string& pattern : patterns) {
    bool any = false;
    for (const RemoteFile& file : model.files) {
      if (fnmatch(pattern.c_str(), file.path.c_str(), 0) != 0) continue;
      any = true;
      if (named.insert(file.path).second) files.push_back(file);
    }
    if (any) continue;
    ProblemList list;
    for (const RemoteFile& file : model.files) list.add(file.path);
    throw ArgumentError("no file is called " + in_quotes(pattern) + "; there are " + list.text());
  }
  return files;
}

}  // namespace sd35::hub
