// The identity of weights and tokenizers, without reading the weights: what is kept on disk belongs to
// exactly those.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "core/hash128.h"
#include "sd35/sd35.h"
#include "weights/source.h"

namespace sd35 {

// Weights count by the names, types and shapes of their tensors and by the sizes and times of change of their
// files: whatever is saved again gets another identity, and so does a copy that does not keep the times.
// Bytes that were changed in place, with the old time put back, are not noticed.
class Identity {
 public:
  void add(std::string_view text);
  void add(const WeightSource& weights);
  // The files of LoRAs, if they change anything in `weights`.
  void add_updates(const WeightSource& weights, const LoadOptions& options);
  // All files directly in `folder`, byte for byte: tokenizers are small.
  void add_folder(const std::filesystem::path& folder);

  // 32 hexadecimal digits.
  std::string text() const { return hasher_.digest().hex(); }

 private:
  void add_file_state(const std::filesystem::path& path);

  Hasher128 hasher_;
};

}  // namespace sd35
