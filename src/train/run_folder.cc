#include "train/run_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <system_error>

#include "core/atomic_file.h"
#include "core/config_file.h"
#include "core/error.h"
#include "core/messages.h"
#include "train/checkpoint.h"

namespace sd35::train {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr char kConfiguration[] = "configuration.json";

// Keys that do not change weights, or only how long the run is.
constexpr std::array kFree{
    "activation_checkpointing", "cache",          "cache_embeddings", "checkpoint_every", "device",
    "keep_checkpoints",         "log_every",      "sample_every",     "samples",          "steps",
    "validate_every",           "validation_data"};

std::string shown(const json& value) {
  if (value.is_null()) return "missing";
  return value.is_string() ? in_quotes(value.get_ref<const std::string&>()) : value.dump();
}

// The first value that differs: "lora.rank was 16 and is 8".
std::optional<std::string> difference(const json& before, const json& now, const std::string& name) {
  if (before == now) return std::nullopt;
  const auto below = [&](const std::string& key) { return name.empty() ? key : name + "." + key; };
  if (before.is_object() && now.is_object()) {
    json all = before;
    all.update(now);
    for (const auto& [key, ignored] : all.items()) {
      if (std::ranges::find(kFree, key) != kFree.end()) continue;
      if (auto found = difference(before.value(key, json()), now.value(key, json()), below(key)))
        return found;
    }
    return std::nullopt;
  }
  if (before.is_array() && now.is_array() && before.size() == now.size()) {
    for (std::size_t i = 0; i < now.size(); ++i)
      if (auto found = difference(before[i], now[i], below(std::to_string(i + 1)))) return found;
    return std::nullopt;
  }
  return name + " was " + shown(before) + " and is " + shown(now);
}

bool lies_in(const fs::path& inner, const fs::path& outer) {
  const fs::path a = fs::weakly_canonical(inner), b = fs::weakly_canonical(outer);
  return std::ranges::mismatch(b, a).in1 == b.end();
}

}  // namespace

void prepare_run_folder(const fs::path& folder, const TrainConfig& config, bool resume) {
  const std::string name = in_quotes(folder.string());
  for (const std::string& data : {config.data, config.validation_data})
    if (!data.empty() && lies_in(folder, data))
      throw ArgumentError("the folder of the run, " + name + ", lies in the data set " + in_quotes(data) +
                          ", among whose pictures the run's own would count; name another");
  std::error_code error;
  if (fs::exists(folder / "model_index.json", error))
    throw ArgumentError(name + " is a model; a run takes a folder of its own");
  fs::create_directories(folder, error);
  if (error) throw FileError(name + " cannot be made: " + error.message(), {}, folder);

  const fs::path kept = folder / kConfiguration;
  const bool holds_run = newest_checkpoint(folder).has_value();
  if (holds_run && !resume)
    throw ArgumentError(name + " holds a run already: --resume continues it, another folder begins one");
  if (holds_run && fs::exists(kept)) {
    if (const auto found = difference(read_json_file(kept), json::parse(config.identity), ""))
      throw ArgumentError(name + " holds a run of another configuration: " + *found + "; " +
                          in_quotes(kept.string()) +
                          " is what it began with, another folder begins a new run");
  }
}

void keep_configuration(const fs::path& folder, const TrainConfig& config) {
  AtomicFile file(folder / kConfiguration);
  const std::string text = json::parse(config.identity).dump(2) + "\n";
  file.write(std::as_bytes(std::span(text)));
  file.commit();
}

RunLock::RunLock(const fs::path& folder)
    : descriptor_(::open((folder / ".running").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0666)) {
  const std::string name = in_quotes(folder.string());
  if (descriptor_ < 0) throw FileError("cannot write to " + name + ": " + system_reason(errno), {}, folder);
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) == 0) return;
  ::close(descriptor_);
  throw ArgumentError("another sd35 train runs in " + name + "; wait until it ends, or name another folder");
}

RunLock::~RunLock() { ::close(descriptor_); }

}  // namespace sd35::train
