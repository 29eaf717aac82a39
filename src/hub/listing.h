// What a model on a hub consists of, and which of its files are needed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sd35::hub {

struct RemoteFile {
  std::string path;        // "transformer/config.json"
  std::uint64_t size = 0;  // bytes
  std::string etag;        // what its content is called: SHA-256 of a large file, else git's name
  bool large = false;      // stored apart from git, by its SHA-256
};

struct RemoteModel {
  std::string commit;   // 40 hexadecimal digits
  std::string license;  // "other", "apache-2.0"; empty: it says none
  std::string license_link;
  std::vector<RemoteFile> files;
};

// Reads the hub's answer about a model. Throws FileError, which begins with `name`, for one that is malformed or
// names files outside of the model.
RemoteModel model_from_json(const std::string& json, const std::string& name);

// The files that sd35 needs of it: of a model in the layout of diffusers configurations, tokenizers and one
// copy of each component's weights (not those in other types, nor the same again in one file); without T5
// unless `t5`. Of another model, such as a LoRA or an autoencoder, configurations and safetensors files at the top.
// Throws FileError where none is.
std::vector<RemoteFile> needed_files(const RemoteModel& model, bool t5, const std::string& name);

// Those that `patterns` name, where * stands for any characters. Throws ArgumentError for one that names none.
std::vector<RemoteFile> named_files(const RemoteModel& model, const std::vector<std::string>& patterns);

}  // namespace sd35::hub
