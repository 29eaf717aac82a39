// Tensors kept on disk between runs: latents, text embeddings.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "core/file_reader.h"
#include "core/made_folder.h"
#include "core/tensor.h"

namespace sd35 {

class TensorCacheSegment;

// A map from keys to tensors in a folder. Any number of processes may use one folder at once: each appends to
// a segment file of its own (made at its first put()) and reads all. Every record carries checksums, so that
// a kill or a crash loses at most the record being written, and what is damaged reads as absent, never as
// wrong values. All functions may be called from any number of threads.
//
// Layout: FOLDER/<hash of the identity>/NNNNNN.segment, see core/tensor_cache_segment.h.
class TensorCache {
 public:
  // `identity` says what the tensors were computed with (core/fingerprint.h of the weights, and all
  // settings); another identity has its own files, and the old ones stay. Reads the index of what is there:
  // the heads of records, not their values. Damage found on the way is one line to `warn`. Throws FileError
  // when the folder cannot be made or read.
  TensorCache(const std::filesystem::path& folder, const std::string& identity, WarningFunction warn = {});
  ~TensorCache();

  // Nothing when there is no such key, its record turns out to be damaged, or its segment was removed (each
  // one line to `warn`).
  std::optional<Tensor> find(const std::string& key);
  // The same, but an intact tensor of another shape or type counts as damaged too.
  std::optional<Tensor> find(const std::string& key, const Shape& shape, DType dtype);
  bool contains(const std::string& key) const;
  // Number of keys.
  std::size_t size() const;

  // Appends; of two tensors with the same key the newer one is found. Throws ArgumentError for a key of no or
  // more than 4096 bytes or more than 8 dimensions; FileError when the disk is full, which leaves the cache
  // as it was.
  void put(const std::string& key, const Tensor& tensor);

  // Reads what other processes have added since.
  void refresh();

  // Where records go. Throws FileError when nothing can be written there.
  void check_writable() const;

 private:
  struct Location {
    std::uint32_t segment;  // NNNNNN
    std::uint64_t offset;   // of the record
  };

  std::filesystem::path path_of(std::uint32_t segment) const;
  void index_segment(std::uint32_t segment);
  void index_records(std::uint32_t segment);
  std::optional<Tensor> read(const Location& location, const std::string& key) const;
  // Whether the segment's file is gone, and with it what it held.
  bool forget_removed(std::uint32_t segment);

  std::filesystem::path folder_;  // of the identity
  MadeFolder made_;
  std::string identity_;
  WarningFunction warn_;
  mutable std::mutex mutex_;  // guards what follows
  std::unordered_map<std::string, Location> index_;
  std::map<std::uint32_t, std::uint64_t> indexed_;  // how far each segment was read
  std::unique_ptr<TensorCacheSegment> own_;
  std::uint32_t own_number_ = 0;
};

}  // namespace sd35
