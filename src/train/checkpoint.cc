#include "train/checkpoint.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <charconv>
#include <system_error>
#include <utility>

#include "core/error.h"
#include "weights/files/safetensors.h"

namespace sd35::train {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "checkpoint-", kSuffix = ".safetensors";
constexpr char kIfDamaged[] = "delete it to go on from the one before";

// The tensors of a state and what their names in the file begin with.
std::vector<std::pair<std::string, at::Tensor>> parts_of(const TrainingState& state) {
  std::vector<std::pair<std::string, at::Tensor>> parts{{"weights.", state.values},
                                                        {"first_moment.", state.first_moment},
                                                        {"second_moment.", state.second_moment}};
  if (state.average.defined()) parts.emplace_back("average.", state.average);
  return parts;
}

std::optional<std::int64_t> step_of(const fs::path& path) {
  const std::string name = path.filename().string();
  if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) return std::nullopt;
  const char* begin = name.data() + kPrefix.size();
  const char* end = name.data() + name.size() - kSuffix.size();
  std::int64_t step = 0;
  const auto [stop, error] = std::from_chars(begin, end, step);
  return error == std::errc() && stop == end && step >= 0 ? std::optional(step) : std::nullopt;
}

// Newest first.
std::vector<fs::path> checkpoints(const fs::path& run) {
  std::vector<std::pair<std::int64_t, fs::path>> found;
  std::error_code error;
  for (fs::directory_iterator entry(run, error), end; !error && entry != end; entry.increment(error))
    if (const auto step = step_of(entry->path())) found.emplace_back(*step, entry->path());
  std::ranges::sort(found, std::greater());
  std::vector<fs::path> paths;
  for (auto& [step, path] : found) paths.push_back(std::move(path));
  return paths;
}

// Tensors under a prefix, as a source.
class Prefixed : public WeightSource {
 public:
  Prefixed(const WeightSource& all, std::string prefix) : all_(all), prefix_(std::move(prefix)) {}
  std::vector<std::string> names() const override { return all_.names(); }
  const StoredTensor* find(std::string_view name) const override {
    return all_.find(prefix_ + std::string(name));
  }
  const std::string& location() const override { return all_.location(); }

 private:
  const WeightSource& all_;
  std::string prefix_;
};

}  // namespace

void write_checkpoint(const fs::path& run, const ParameterStore& store, const TrainingState& state,
                      std::int64_t keep) {
  std::map<std::string, Tensor> tensors;
  for (const auto& [prefix, flat] : parts_of(state))
    for (auto& [name, tensor] : store.by_name(flat)) tensors.emplace(prefix + name, tensor);
  char name[64];
  std::snprintf(name, sizeof(name), "checkpoint-%08lld.safetensors", static_cast<long long>(state.step));
  write_safetensors(run / name, tensors, {{"format", "pt"}, {"step", std::to_string(state.step)}});

  const std::vector<fs::path> all = checkpoints(run);
  for (std::size_t i = static_cast<std::size_t>(keep); i < all.size(); ++i) {
    std::error_code ignored;  // an old checkpoint that stays does no harm
    fs::remove(all[i], ignored);
  }
}

std::optional<fs::path> newest_checkpoint(const fs::path& run) {
  const std::vector<fs::path> all = checkpoints(run);
  return all.empty() ? std::nullopt : std::optional(all.front());
}

void read_checkpoint(const fs::path& path, const ParameterStore& store, TrainingState& state) {
  SafetensorsFile file = read_safetensors(path, kIfDamaged);
  const StoredWeights all(path.string(), std::move(file.tensors));
  for (const auto& [prefix, flat] : parts_of(state)) store.read(Prefixed(all, prefix), flat);
  for (const auto& [prefix, flat] : parts_of(state))
    if (!at::isfinite(flat).all().item<bool>())
      throw FileError(path.string() + ": " + prefix + "* holds NaN or infinity; " + kIfDamaged, {}, path);
  state.step = step_of(path).value_or(0);
}

}  // namespace sd35::train
