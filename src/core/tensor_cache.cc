#include "core/tensor_cache.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/hash128.h"
#include "core/messages.h"
#include "core/tensor_cache_segment.h"

namespace sd35 {
namespace {

namespace fs = std::filesystem;

constexpr char kExtension[] = ".segment";
constexpr std::size_t kDigits = 6;

fs::path folder_of(const fs::path& folder, const std::string& identity) {
  return folder / hash128(identity).hex().substr(0, 16);
}

// The number in a segment's name; nothing for other files.
std::optional<std::uint32_t> segment_number(const fs::path& path) {
  const std::string stem = path.stem().string();
  if (path.extension() != kExtension || stem.size() < kDigits || stem.size() > 9 ||
      stem.find_first_not_of("0123456789") != stem.npos)
    return std::nullopt;
  return static_cast<std::uint32_t>(std::stoul(stem));
}

}  // namespace

TensorCache::TensorCache(const fs::path& folder, const std::string& identity, WarningFunction warn)
    : folder_(folder_of(folder, identity)), made_(folder_), identity_(identity), warn_(std::move(warn)) {
  refresh();
}

TensorCache::~TensorCache() = default;

fs::path TensorCache::path_of(std::uint32_t segment) const {
  std::string digits = std::to_string(segment);
  if (digits.size() < kDigits) digits.insert(0, kDigits - digits.size(), '0');
  return folder_ / (digits + kExtension);
}

void TensorCache::refresh() {
  const std::lock_guard lock(mutex_);
  std::error_code error;
  std::vector<std::uint32_t> found;
  for (fs::directory_iterator entry(folder_, error), end; !error && entry != end; entry.increment(error))
    if (const std::optional<std::uint32_t> number = segment_number(entry->path())) found.push_back(*number);
  if (error)
    throw FileError("cannot read folder " + in_quotes(folder_.string()) + ": " + error.message(), {},
                    folder_);
  for (const std::uint32_t number : found) indexed_.try_emplace(number, 0);
  // By number: a later segment's tensors are newer.
  for (const auto& [number, position] : indexed_)
    if (own_ == nullptr || number != own_number_) index_segment(number);
}

void TensorCache::index_segment(std::uint32_t segment) {
  try {
    index_records(segment);
  } catch (const FileError& error) {
    if (warn_) warn_(std::string(error.what()) + "; what it holds is left out");
  }
}

void TensorCache::index_records(std::uint32_t segment) {
  const FileReader file(path_of(segment).string());
  std::uint64_t& position = indexed_[segment];
  if (position == 0) {
    const std::optional<std::uint64_t> begin = read_segment_head(file, identity_);
    if (!begin) return;  // its process has only just made it, or died there
    position = *begin;
  }
  while (const std::optional<TensorCacheRecord> record = read_record(file, position)) {
    index_[record->key] = {segment, position};
    position = record->end;
  }
}

std::optional<Tensor> TensorCache::find(const std::string& key) {
  Location location;
  {
    const std::lock_guard lock(mutex_);
    const auto entry = index_.find(key);
    if (entry == index_.end()) return std::nullopt;
    location = entry->second;
  }
  if (std::optional<Tensor> tensor = read(location, key)) return tensor;
  const std::lock_guard lock(mutex_);
  if (forget_removed(location.segment)) return std::nullopt;
  const auto entry = index_.find(key);
  const bool same = entry != index_.end() && entry->second.segment == location.segment &&
                    entry->second.offset == location.offset;
  if (same) index_.erase(entry);
  if (same && warn_)
    warn_(in_quotes(path_of(location.segment).string()) + ": the tensor of " + in_quotes(key) +
          " is damaged and left out");
  return std::nullopt;
}

bool TensorCache::forget_removed(std::uint32_t segment) {
  std::error_code error;
  if (fs::exists(path_of(segment), error) || error) return false;
  const std::size_t lost =
      std::erase_if(index_, [&](const auto& entry) { return entry.second.segment == segment; });
  indexed_.erase(segment);
  if (own_number_ == segment) own_.reset();  // nobody would find what is put there from now on
  if (lost > 0 && warn_)
    warn_(in_quotes(path_of(segment).string()) + " was removed; what it held is computed again");
  return true;
}

std::optional<Tensor> TensorCache::read(const Location& location, const std::string& key) const {
  try {
    const FileReader file(path_of(location.segment).string());
    const std::optional<TensorCacheRecord> record = read_record(file, location.offset);
    if (record && record->key == key) return read_values(file, *record);
  } catch (const FileError&) {
    // Removed meanwhile, or damaged.
  }
  return std::nullopt;
}

std::optional<Tensor> TensorCache::find(const std::string& key, const Shape& shape, DType dtype) {
  std::optional<Tensor> tensor = find(key);
  if (!tensor || (tensor->shape() == shape && tensor->dtype() == dtype)) return tensor;
  if (warn_)
    warn_(in_quotes(folder_.string()) + ": the tensor of " + in_quotes(key) + " is " +
          std::string(name_of(tensor->dtype())) + " " + tensor->shape().to_string() + " instead of " +
          std::string(name_of(dtype)) + " " + shape.to_string() + " and left out");
  return std::nullopt;
}

void TensorCache::check_writable() const {
  if (::faccessat(AT_FDCWD, folder_.c_str(), W_OK | X_OK, AT_EACCESS) != 0)
    throw FileError("cannot write in folder " + in_quotes(folder_.string()) + ": " +
                        std::generic_category().message(errno),
                    {}, folder_);
}

bool TensorCache::contains(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  return index_.contains(key);
}

std::size_t TensorCache::size() const {
  const std::lock_guard lock(mutex_);
  return index_.size();
}

void TensorCache::put(const std::string& key, const Tensor& tensor) {
  if (key.empty() || key.size() > kMaxCacheKey || !tensor.defined() || tensor.shape().rank() > kMaxCacheRank)
    throw ArgumentError("a cache cannot hold a key of " + std::to_string(key.size()) +
                        " bytes with a tensor of shape " + tensor.shape().to_string() + "; keys have 1 to " +
                        std::to_string(kMaxCacheKey) + " bytes, tensors up to " +
                        std::to_string(kMaxCacheRank) + " dimensions");
  const std::lock_guard lock(mutex_);
  std::uint32_t number = indexed_.empty() ? 1 : indexed_.rbegin()->first + 1;
  if (own_ == nullptr) made_.make(folder_);
  for (; own_ == nullptr; ++number) {
    own_ = TensorCacheSegment::create(path_of(number), identity_);
    own_number_ = number;
  }
  const std::uint64_t offset = own_->append(key, tensor);
  indexed_[own_number_] = own_->end();
  index_[key] = {own_number_, offset};
}

}  // namespace sd35
